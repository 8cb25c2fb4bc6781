/** The handle on one workspace of a fake: its clock, money, journal, faults and verdict. */

import { resolve } from "node:path";
import { ControlClient } from "./control.js";
import { LinkedTime } from "./linked-time.js";

/** Reads and moves the clock of a workspace. */
class Clock {
  #workspace;
  constructor(workspace) {
    this.#workspace = workspace;
  }
  get() {
    return this.#workspace.send("GET", "clock");
  }
  /** The present moment of the workspace, as a `Date`. */
  async now() {
    return new Date((await this.get()).now);
  }
  freeze() {
    return this.#workspace.send("POST", "clock/freeze");
  }
  scale(rate) {
    return this.#workspace.send("POST", "clock/scale", { rate });
  }
  /** Move forward; in linked time the timers of this process that are due fire too. */
  async advance(step) {
    const link = this.#workspace.link;
    if (link?.active) return link.advance(inMilliseconds(step));
    return this.#workspace.send("POST", "clock/advance", step);
  }
  advanceTo(moment) {
    const text = moment instanceof Date ? moment.toISOString() : moment;
    return this.#workspace.send("POST", "clock/advance-to", { moment: text });
  }
  advanceToNextEvent() {
    return this.#workspace.send("POST", "clock/advance-to-next-event");
  }
  runUntil(generation, status = "completed") {
    return this.#workspace.send("POST", "clock/run-until", { generation, status });
  }
}

const UNITS = { days: 86_400_000, hours: 3_600_000, minutes: 60_000, seconds: 1000, milliseconds: 1 };

function inMilliseconds(step) {
  let total = 0;
  for (const [unit, value] of Object.entries(step)) {
    if (!(unit in UNITS)) throw new TypeError(`Unknown unit '${unit}'. Use ${Object.keys(UNITS).join(", ")}.`);
    total += value * UNITS[unit];
  }
  return total;
}

/** One workspace: everything that one API key sees. */
export class Workspace {
  constructor(url, key, { token } = {}) {
    this.url = url.replace(/\/+$/, "");
    this.key = key;
    this.link = undefined;
    this.control = new ControlClient(this.url, key, { token });
    this.clock = new Clock(this);
    const send = (method, path) => (values) => this.send(method, path, values);
    const each = (action) => (id) => this.send("POST", `generations/${encodeURIComponent(id)}/${action}`);
    this.ledger = {
      get: send("GET", "ledger"),
      set: (balance) => this.send("PUT", "ledger", { balance: String(balance) }),
      topUp: (amount) => this.send("POST", "ledger/top-up", { amount: String(amount) }),
    };
    this.limits = { get: send("GET", "limits"), set: send("PUT", "limits") };
    this.settings = { get: send("GET", "settings"), set: send("PATCH", "settings") };
    this.models = { list: send("GET", "models") };
    this.journal = {
      list: async (criteria) => (await this.send("GET", "journal", criteria)).exchanges,
      count: async (criteria) => (await this.send("GET", "journal/count", criteria)).count,
      show: (number) => this.send("GET", `journal/${number}`),
      wait: (criteria) => this.send("POST", "journal/wait", criteria),
      clear: () => this.send("DELETE", "journal"),
      toHar: (criteria) => this.send("GET", "journal/export", { ...criteria, format: "har" }),
    };
    this.generations = {
      list: async (criteria) => (await this.send("GET", "generations", criteria)).generations,
      show: (id) => this.send("GET", `generations/${encodeURIComponent(id)}`),
      complete: each("complete"),
      hold: each("hold"),
      fail: (id, { code, message } = {}) =>
        this.send("POST", `generations/${encodeURIComponent(id)}/fail`, { code, message }),
    };
    this.transitions = {
      list: send("GET", "transitions"),
      set: send("POST", "transitions"),
      next: send("POST", "transitions/next"),
      clear: () => this.send("DELETE", "transitions"),
    };
    this.media = {
      list: async () => (await this.send("GET", "media")).rules,
      add: (file, criteria = {}) => this.send("POST", "media", { ...criteria, file: resolve(String(file)) }),
      remove: (id) => this.send("DELETE", `media/${encodeURIComponent(id)}`),
      clear: () => this.send("DELETE", "media"),
    };
    this.scenarios = {
      list: async () => (await this.send("GET", "scenarios")).rules,
      shipped: send("GET", "scenarios/shipped"),
      add: async (rule, more = {}) =>
        (await this.send("POST", "scenarios", typeof rule === "string" ? { name: rule, ...more } : rule)).rules,
      remove: (id) => this.send("DELETE", `scenarios/${encodeURIComponent(id)}`),
      clear: () => this.send("DELETE", "scenarios"),
    };
  }

  /** What a program needs to reach this workspace: for `process.env`, or the `env` of a child. */
  get env() {
    return { GETIMG_AI_BASE_URL: this.url, GETIMG_API_KEY: this.key };
  }

  /** Send any command of the control surface; throws `GetimgMockError` when it is refused. */
  send(method, path, values) {
    return this.control.send(method, path, values);
  }
  summary() {
    return this.send("GET", "workspace");
  }
  /** The money that was charged, as the decimal that the ledger has. */
  async charged() {
    return (await this.ledger.get()).charged;
  }
  /** What the client contract says of the requests so far. */
  verdict() {
    return this.send("GET", "verdict");
  }
  reset() {
    return this.send("POST", "reset");
  }
  async snapshot() {
    return (await this.send("GET", "snapshot")).state;
  }
  restore(state) {
    return this.send("POST", "restore", { state });
  }
  async fork(key) {
    await this.send("POST", "fork", { key });
    return new Workspace(this.url, key, { token: this.control.token });
  }

  /** Make timers and `Date` of this process follow the clock of this workspace, until `unlink()`. */
  async linkTime(options) {
    if (this.link?.active) return this.link;
    this.link = new LinkedTime(this, options);
    await this.link.start();
    return this.link;
  }
}
