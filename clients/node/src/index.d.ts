import type { ControlRequests } from "./control.js";

export type { ControlRequests };

/** A number that JSON carries as text, so that money stays exact. */
export type Decimal = string;
type Journal = Omit<ControlRequests["journal"], never>;

export class GetimgMockError extends Error {
  /** The HTTP status of the refusal; 0 when there was no answer. */
  status: number;
  code: string;
}

export interface ClockState {
  now: string;
  /** Seconds of the workspace in a real second; 0 is a frozen clock. */
  rate: number;
  autojump: boolean;
}

export interface WorldEvent {
  at: string;
  kind: string;
  generation?: string;
}

export interface ClockMove {
  now: string;
  events: WorldEvent[];
}

export interface LedgerEntry {
  what: "credit" | "hold" | "charge" | "release" | string;
  at: string;
  amount: Decimal;
  generation: string | null;
}

export interface Ledger {
  currency: string;
  balance: Decimal;
  held: Decimal;
  charged: Decimal;
  credited: Decimal;
  costs: Record<string, Decimal>;
  entries: LedgerEntry[];
}

export interface Generation {
  id: string;
  kind: "image" | "video";
  model: string;
  prompt: string;
  status: "pending" | "completed" | "failed";
  created_at: string;
  ends_at: string | null;
  total_cost: Decimal | null;
  [name: string]: unknown;
}

export interface Exchange {
  number: number;
  at: string;
  operation: string | null;
  request: { method: string; path: string; query: string; headers: [string, string][]; size: number; text?: string };
  response: { status: number; headers: [string, string][]; size: number; sent: boolean; text?: string };
  [name: string]: unknown;
}

export interface Verdict {
  judged: number;
  findings: Record<string, unknown>[];
  reason?: string;
  [name: string]: unknown;
}

export interface Rule {
  id: string;
  scenario: string | null;
  seen: number;
  hits: number;
  [name: string]: unknown;
}

/** A rule of your own; `docs/scenarios.md` has its fields. */
export type RuleInput = { on?: string | string[]; [name: string]: unknown };

/** A rule that delivers files of your own, with what each of them is. */
export interface MediaRule {
  id: string;
  /** The file or folder that was named. */
  source: string;
  files: {
    path: string;
    mime_type: string;
    width: number;
    height: number;
    duration: number | null;
    fps: number | null;
    has_sound: boolean;
  }[];
  prompt: string | null;
  model: string | null;
  on: string | null;
}

export interface LinkOptions {
  /** Real milliseconds after which something real that stays silent does not hold time back. Default 5000. */
  patience?: number;
}

export interface LinkedTime {
  readonly active: boolean;
  /** The present moment in milliseconds since 1970. */
  now(): number;
  /** Move time; timers that are due on the way fire. */
  advance(milliseconds: number): Promise<ClockMove>;
  /** Give the timers back to Node. */
  unlink(): Promise<void>;
}

export class Workspace {
  constructor(url: string, key: string, options?: { token?: string });
  readonly url: string;
  readonly key: string;
  readonly link?: LinkedTime;
  /** `GETIMG_AI_BASE_URL` and `GETIMG_API_KEY`, which the official SDKs read. */
  readonly env: { GETIMG_AI_BASE_URL: string; GETIMG_API_KEY: string };
  readonly clock: {
    get(): Promise<ClockState>;
    now(): Promise<Date>;
    freeze(): Promise<ClockState>;
    scale(rate: number): Promise<ClockState>;
    advance(step: Omit<ControlRequests["clock.advance"], "duration">): Promise<ClockMove>;
    advanceTo(moment: Date | string): Promise<ClockMove>;
    advanceToNextEvent(): Promise<ClockMove>;
    runUntil(generation: string, status?: "completed" | "failed"): Promise<ClockMove>;
  };
  readonly ledger: {
    get(): Promise<Ledger>;
    set(balance: Decimal | number): Promise<Ledger>;
    topUp(amount: Decimal | number): Promise<Ledger>;
  };
  readonly limits: {
    get(): Promise<Record<string, unknown>>;
    set(values: ControlRequests["limits.set"]): Promise<Record<string, unknown>>;
  };
  readonly settings: {
    get(): Promise<Record<string, unknown>>;
    set(values: ControlRequests["settings.change"]): Promise<Record<string, unknown>>;
  };
  readonly models: { list(values?: ControlRequests["models"]): Promise<Record<string, unknown>> };
  readonly journal: {
    list(criteria?: Journal): Promise<Exchange[]>;
    count(criteria?: ControlRequests["journal.count"]): Promise<number>;
    show(number: number): Promise<Exchange>;
    wait(criteria?: ControlRequests["journal.wait"]): Promise<Record<string, unknown>>;
    clear(): Promise<unknown>;
    toHar(criteria?: Journal): Promise<Record<string, unknown>>;
  };
  readonly generations: {
    list(criteria?: ControlRequests["generations"]): Promise<Generation[]>;
    show(id: string): Promise<Generation>;
    complete(id: string): Promise<Generation>;
    hold(id: string): Promise<Generation>;
    fail(id: string, reason?: { code?: string; message?: string }): Promise<Generation>;
  };
  readonly transitions: {
    list(): Promise<Record<string, unknown>>;
    set(rule: ControlRequests["transitions.set"]): Promise<Record<string, unknown>>;
    next(rule: Record<string, unknown>): Promise<Record<string, unknown>>;
    clear(): Promise<unknown>;
  };
  readonly media: {
    list(): Promise<MediaRule[]>;
    /** Deliver a file of your own, or one of a folder, in new generations; it is read now, by the fake. */
    add(file: string, criteria?: Omit<ControlRequests["media.add"], "file">): Promise<MediaRule>;
    remove(id: string): Promise<MediaRule>;
    clear(): Promise<unknown>;
  };
  readonly scenarios: {
    list(): Promise<Rule[]>;
    shipped(): Promise<Record<string, unknown>>;
    /** Add a shipped scenario by its name, with fields that change its rules, or a rule of your own. */
    add(rule: string | RuleInput, more?: RuleInput): Promise<Rule[]>;
    remove(id: string): Promise<unknown>;
    clear(): Promise<unknown>;
  };
  send(method: string, path: string, values?: object): Promise<any>;
  summary(): Promise<Record<string, unknown>>;
  charged(): Promise<Decimal>;
  verdict(): Promise<Verdict>;
  reset(): Promise<Record<string, unknown>>;
  snapshot(): Promise<Record<string, unknown>>;
  restore(state: Record<string, unknown>): Promise<Record<string, unknown>>;
  fork(key: string): Promise<Workspace>;
  /** Make `setTimeout`, `setInterval`, `AbortSignal.timeout`, `Date` and `performance.now` follow the workspace. */
  linkTime(options?: LinkOptions): Promise<LinkedTime>;
}

export interface WorkspaceOptions {
  /** Default: a key of its own, so that tests do not meet. */
  key?: string;
  balance?: Decimal | number;
  limits?: ControlRequests["limits.set"];
  scenario?: string | RuleInput | (string | RuleInput)[];
  settings?: ControlRequests["settings.change"];
  linkedTime?: boolean | LinkOptions;
}

export interface ServerOptions {
  /** Connect to this fake; nothing is started. */
  url?: string;
  /** The control token of a fake that is not on loopback. */
  token?: string;
  /** The command of the Python package. Default: `getimg-mock`, else `python3 -m getimg_mock`. */
  command?: string | string[];
  /** Further arguments of `getimg-mock serve`. */
  args?: string[];
  env?: Record<string, string>;
  /**
   * End the fake when this process or worker ends, also when it is killed. Default true; false is for a `command` that
   * does not pass its input on, such as `docker run` without `-i`.
   */
  untilEof?: boolean;
  /** Options of `getimg-mock serve`, such as `videoSeconds` for `--video-seconds`. */
  [option: string]: unknown;
}

export class GetimgMockServer {
  readonly url: string;
  readonly pid?: number;
  workspace(options?: WorkspaceOptions): Promise<Workspace>;
  stop(): Promise<void>;
}

/** Start a fake on a free port of 127.0.0.1, or connect to `url`; throws `GetimgMockError`. */
export function startGetimgMock(options?: ServerOptions): Promise<GetimgMockServer>;

export interface Matchers<R = Promise<void>> {
  /** The workspace was charged this amount in all, in US dollars. */
  toHaveCharged(amount: Decimal | number): R;
  /** The workspace has had `count` requests that match, or at least one. */
  toHaveRequested(criteria?: Journal, count?: number): R;
  /** The client contract finds nothing wrong with the requests so far. */
  toKeepTheContract(): R;
}

export const matchers: Record<keyof Matchers, (workspace: Workspace, ...values: any[]) => Promise<{ pass: boolean; message(): string }>>;

/** Whether two decimals are equal, as money is: 0.1 and "0.100" are. */
export function sameAmount(one: Decimal | number, other: Decimal | number): boolean;
