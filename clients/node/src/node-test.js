/** For `node:test`: a workspace that ends with its test. */

import { openWorkspace } from "./hooks.js";
import { matchers } from "./matchers.js";

/** Open a workspace for the test `t`; it and its linked time end with the test. */
export async function getimgMock(t, options) {
  const { workspace, close } = await openWorkspace(options);
  t.after(close);
  return workspace;
}

/** Throw an `AssertionError` unless the workspace was charged this amount. */
export async function assertCharged(workspace, amount) {
  const { pass, message } = await matchers.toHaveCharged.call({}, workspace, amount);
  if (!pass) throw new (await import("node:assert")).AssertionError({ message: message() });
}
