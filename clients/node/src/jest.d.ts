import type { TestOptions, Workspace } from "./hooks.js";
import type { Matchers as Ours } from "./index.js";

declare module "expect" {
  interface Matchers<R> extends Ours<Promise<void>> {}
}

/** Give each test of this file a workspace; the returned object is that of the test that runs. */
export function useGetimgMock(options?: TestOptions): Workspace;
