import type { TestAPI } from "vitest";
import type { TestOptions, Workspace } from "./hooks.js";
import type { Matchers } from "./index.js";

declare module "vitest" {
  interface Assertion<T = any> extends Matchers {}
}

/** Give each test of this file a workspace; the returned object is that of the test that runs. */
export function useGetimgMock(options?: TestOptions): Workspace;

/** A `test` that gives `{ getimgMock }` to those that ask for it. */
export const test: TestAPI<{ getimgMock: Workspace }>;
