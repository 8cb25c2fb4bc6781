import type { ServerOptions, Workspace, WorkspaceOptions } from "./index.js";

export interface TestOptions extends WorkspaceOptions {
  /** Options of the fake that all tests of this process share; those of the first test count. */
  server?: ServerOptions;
  /** Set `GETIMG_AI_BASE_URL` and `GETIMG_API_KEY` in `process.env`. Default true. */
  env?: boolean;
}

export type { Workspace };
