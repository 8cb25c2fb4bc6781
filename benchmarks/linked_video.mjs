// Polls a ten-minute video in linked time, several times; prints the real seconds of each.
import { startGetimgMock } from "../clients/node/src/index.js";

const ROUNDS = 5;
const server = await startGetimgMock();
const seconds = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const mock = await server.workspace({ linkedTime: true, settings: { video_seconds: 600 } });
  const headers = { authorization: `Bearer ${mock.key}`, "content-type": "application/json" };
  const api = `${mock.url}/v2/videos/generations`;
  const began = process.hrtime.bigint();
  const body = JSON.stringify({ model: "seedance-v1-5-pro", prompt: "Waves" });
  const { id } = await (await fetch(api, { method: "POST", headers, body })).json();
  let polls = 0;
  for (;;) {
    const video = await (await fetch(`${api}/${id}`, { headers })).json();
    polls += 1;
    if (video.status === "completed") break;
    await new Promise((resolve) => setTimeout(resolve, 5000));
  }
  seconds.push(Number(process.hrtime.bigint() - began) / 1e9);
  if (polls !== 121) throw new Error(`the video was polled ${polls} times`);
  await mock.link.unlink();
}
await server.stop();
console.log(seconds.join(" "));
