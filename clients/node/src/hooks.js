/** What the helpers for test runners share: one fake for a process, and a workspace for each test. */

import { startGetimgMock } from "./server.js";

let shared;

/** The fake of this process, started when it is first needed; `GETIMG_TEST_URL` names one that runs already. */
export function sharedServer(options = {}) {
  shared ??= startGetimgMock({ url: process.env.GETIMG_TEST_URL, ...options }).catch((error) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

/** Open a workspace and set `process.env` so that clients find it; `close` undoes both. */
export async function openWorkspace({ server, env = true, ...options } = {}) {
  const running = await sharedServer(server);
  const workspace = await running.workspace(options);
  const before = {};
  if (env)
    for (const [name, value] of Object.entries(workspace.env)) {
      before[name] = process.env[name];
      process.env[name] = value;
    }
  const close = async () => {
    for (const [name, value] of Object.entries(before))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    await workspace.link?.unlink();
  };
  return { workspace, close };
}

/** Register hooks of a test runner, and return an object that is the workspace of the test that runs. */
export function useHooks({ beforeEach, afterEach }, options) {
  let open;
  beforeEach(async () => {
    open = await openWorkspace(options);
  });
  afterEach(async () => {
    const { close } = open;
    open = undefined;
    await close();
  });
  return new Proxy(
    {},
    {
      get(_, name) {
        if (!open) throw new Error(`mock.${String(name)} is used outside a test: there is a workspace for each test.`);
        const value = open.workspace[name];
        return typeof value === "function" ? value.bind(open.workspace) : value;
      },
    },
  );
}
