/** For Vitest: matchers, hooks, and a `test` with the fixture `getimgMock`. */

import { afterEach, beforeEach, expect, test as base } from "vitest";
import { openWorkspace, useHooks } from "./hooks.js";
import { matchers } from "./matchers.js";

expect.extend(matchers);

/** Give each test of this file a workspace; the returned object is that of the test that runs. */
export function useGetimgMock(options) {
  return useHooks({ beforeEach, afterEach }, options);
}

/** A `test` that gives `{ getimgMock }` to those that ask for it. */
export const test = base.extend({
  // Vitest reads the names in the braces.
  // eslint-disable-next-line no-empty-pattern
  getimgMock: async ({}, use) => {
    const { workspace, close } = await openWorkspace();
    try {
      await use(workspace);
    } finally {
      await close();
    }
  },
});
