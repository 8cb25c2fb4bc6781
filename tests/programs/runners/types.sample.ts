import { startGetimgMock, type Workspace } from "getimg-mock";
import { getimgMock } from "getimg-mock/node-test";

const server = await startGetimgMock({ videoSeconds: 5 });
const mock: Workspace = await server.workspace({ balance: "0.12", scenario: "rate-limited", linkedTime: true });
await mock.clock.advance({ minutes: 10 });
await mock.limits.set({ image_rpm: 20 });
const amount: string = (await mock.ledger.get()).charged;
const found: number = await mock.journal.count({ operation: "images.generate" });
await getimgMock({ after() {} }, { settings: { video_seconds: 600 } });

// @ts-expect-error minuets is no unit
await mock.clock.advance({ minuets: 10 });
// @ts-expect-error a limit has a name
await mock.limits.set({ images: 20 });

export { amount, found };
