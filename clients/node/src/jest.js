/** For Jest, run with `node --experimental-vm-modules`: matchers and hooks. */

import { afterEach, beforeEach, expect } from "@jest/globals";
import { useHooks } from "./hooks.js";
import { matchers } from "./matchers.js";

expect.extend(matchers);

/** Give each test of this file a workspace; the returned object is that of the test that runs. */
export function useGetimgMock(options) {
  return useHooks({ beforeEach, afterEach }, options);
}
