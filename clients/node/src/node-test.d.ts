import type { TestOptions, Workspace } from "./hooks.js";

/** Open a workspace for the test `t`; it and its linked time end with the test. */
export function getimgMock(t: { after(fn: () => unknown): void }, options?: TestOptions): Promise<Workspace>;

/** Throw an `AssertionError` unless the workspace was charged this amount. */
export function assertCharged(workspace: Workspace, amount: string | number): Promise<void>;
