export { GetimgMockError } from "./control.js";
export { GetimgMockServer, startGetimgMock } from "./server.js";
export { Workspace } from "./workspace.js";
export { LinkedTime } from "./linked-time.js";
export { matchers, sameAmount } from "./matchers.js";
