/**
 * Linked time: timers and `Date` of this process follow the clock of a workspace.
 *
 * While nothing real is under way, time jumps to the next timer, and the workspace's clock moves by as much. A loop
 * that polls a video for ten minutes ends in a fraction of a second. Real are: requests that are not answered, files,
 * look-ups, and child processes that were started since. Requests to a server of this process do not count, since
 * that server may itself be waiting for a timer.
 */

import { channel } from "node:diagnostics_channel";
import { syncBuiltinESMExports } from "node:module";
import realTimers from "node:timers";
import timersPromises from "node:timers/promises";
import { promisify } from "node:util";
import { isOwnRequest } from "./control.js";

const real = {
  setTimeout: realTimers.setTimeout,
  clearTimeout: realTimers.clearTimeout,
  setImmediate: realTimers.setImmediate,
  now: performance.now.bind(performance),
};
const immediate = () => new Promise((resolve) => real.setImmediate(resolve));
const delay = (milliseconds) => new Promise((resolve) => real.setTimeout(resolve, milliseconds));

/** Turns of the event loop without anything under way, after which time may jump. */
const QUIET_TURNS = 3;
/** Real milliseconds after which an image that the fake has not answered is taken to wait for its clock. */
const SERVED_AFTER = 20;
/** Jumps without a request between them, after which a timer takes real time: a heartbeat must not spin the clock. */
const IDLE_JUMPS = 200;
const REAL_RESOURCES = /^(FSReq|GetAddrInfo|GetNameInfo|QueryReq|TCPConnect|PipeConnect|ProcessWrap|ZLIB|Crypto)/;
const LONGEST = 2 ** 31 - 1;
/** What `fetch` calls when a connection has been idle for 4 s. Connections are real: none has to be opened for each poll. */
const CLOSE_IDLE = "onParserTimeout";
/** What `fetch` calls each half second, to see whether a timeout of 300 s is over: time need not stop for it. */
const COARSE_TICK = "onTick";

let linked;
let lastId = 0;

/** A timer of linked time; it has what a `Timeout` of Node has. When the link ends it goes on in real time. */
class LinkedTimeout {
  constructor(link, callback, milliseconds, values, repeats) {
    this.link = link;
    this.callback = callback;
    const span = Number(milliseconds);
    this.span = span >= 1 && span <= LONGEST ? span : 1;
    this.values = values;
    this.repeats = repeats;
    this.coarse = callback.name === COARSE_TICK;
    this.counts = true;
    this.id = ++lastId;
    this.refresh();
  }
  refresh() {
    if (this.link.active) {
      this.due = this.link.elapsed + this.span;
      this.link.add(this);
    } else this.goOn(this.span);
    return this;
  }
  ref() {
    this.counts = true;
    this.real?.ref();
    this.link.wake();
    return this;
  }
  unref() {
    this.counts = false;
    this.real?.unref();
    return this;
  }
  hasRef() {
    return this.counts;
  }
  close() {
    this.link.timers.delete(this.id);
    real.clearTimeout(this.real);
    return this;
  }
  /** Fire in real time after so many milliseconds: libraries keep timers for longer than a test. */
  goOn(milliseconds) {
    real.clearTimeout(this.real);
    this.real = real.setTimeout(() => {
      if (this.repeats) this.goOn(this.span);
      this.callback(...this.values);
    }, milliseconds);
    if (!this.counts) this.real.unref();
  }
  // What Node's own clearTimeout looks at and sets, when a timer is left over from a link.
  get _destroyed() {
    return true;
  }
  get _onTimeout() {
    return this.callback;
  }
  set _onTimeout(_) {
    this.close();
  }
  [Symbol.toPrimitive]() {
    return this.id;
  }
}

/** The link of this process to one workspace. There can be one at a time. */
export class LinkedTime {
  constructor(workspace, { patience = 5000 } = {}) {
    this.workspace = workspace;
    this.patience = patience;
    this.active = false;
    this.timers = new Map();
    this.elapsed = 0;
    this.requests = new Map();
    this.serving = 0;
    this.jumps = 0;
    this.wake = () => {};
    this.ended = () => {};
  }

  /** The present moment, in milliseconds since 1970. */
  now() {
    return this.beginning + this.elapsed;
  }

  async start() {
    if (linked) throw new Error("Time is linked to another workspace already: call unlink() there first.");
    linked = this;
    try {
      const before = await this.workspace.send("GET", "clock");
      this.rate = before.rate;
      const { now } = await this.workspace.send("POST", "clock/freeze");
      this.beginning = Date.parse(now);
    } catch (error) {
      linked = undefined;
      throw error;
    }
    this.active = true;
    this.resources = countResources();
    this.#watch();
    this.#patch();
    this.running = this.#run();
  }

  /** Give the timers back to Node, and let the workspace's clock run as it ran before. */
  async unlink() {
    if (!this.active) return;
    this.active = false;
    for (const undo of this.undone.reverse()) undo();
    syncBuiltinESMExports();
    for (const timer of this.timers.values()) timer.goOn(Math.max(timer.due - this.elapsed, 1));
    this.timers.clear();
    this.wake();
    await this.running;
    linked = undefined;
    if (this.rate) await this.workspace.send("POST", "clock/scale", { rate: this.rate });
  }

  /** Move time forward by milliseconds: timers that are due on the way fire in their order. */
  async advance(milliseconds) {
    const end = this.elapsed + milliseconds;
    const events = [];
    for (;;) {
      const next = this.#next(false);
      const to = next && next.due <= end ? next.due : end;
      events.push(...(await this.#moveTo(to)));
      if (to >= end && !this.#due()) break;
    }
    return { now: new Date(this.now()).toISOString(), events };
  }

  add(timer) {
    this.timers.set(timer.id, timer);
    this.wake();
  }

  async #run() {
    while (this.active) {
      const why = await this.#settle();
      if (!this.active) return;
      if (why === "nothing") {
        await new Promise((resolve) => {
          this.wake = resolve;
        });
        this.wake = () => {};
      } else await this.#jump(why === "served");
    }
  }

  /** Wait until nothing real is under way; return "nothing" when no timer waits either. */
  async #settle() {
    const began = real.now();
    let quiet = 0;
    while (this.active) {
      await immediate();
      // What a request keeps alive are also timers that alone would not.
      const waits = this.#next(this.requests.size === 0) !== undefined;
      if (this.#waitsForImages() && real.now() - this.changed > SERVED_AFTER) return "served";
      if (!waits && this.requests.size === 0) return "nothing";
      if (this.#isBusy()) {
        quiet = 0;
        if (waits && real.now() - began > this.patience && real.now() - this.changed > this.patience) {
          this.requests.clear();
          return "patience";
        }
        await (this.requests.size ? this.#requestEnd() : delay(1));
      } else if (!waits) return "nothing";
      else if (++quiet >= QUIET_TURNS) return "idle";
    }
    return "nothing";
  }

  /** Wait until a request ends; not longer than it takes to look again. */
  #requestEnd() {
    return new Promise((resolve) => {
      const timer = real.setTimeout(resolve, SERVED_AFTER + 1);
      this.ended = () => {
        real.clearTimeout(timer);
        resolve();
      };
    });
  }

  #isBusy() {
    let elsewhere = 0;
    for (const each of this.requests.values()) elsewhere += each.local ? 0 : 1;
    const local = this.requests.size - elsewhere;
    if (elsewhere > 0 || local > this.serving) return true;
    return countResources() > this.resources;
  }

  /** Whether the only requests under way are images, which the fake may hold until its clock has moved. */
  #waitsForImages() {
    if (this.requests.size === 0) return false;
    for (const each of this.requests.values()) if (!each.image) return false;
    return true;
  }

  async #jump(served) {
    let due = this.#next(this.requests.size === 0)?.due;
    if (served) {
      const event = await this.#nextImage();
      if (event !== undefined && (due === undefined || event < due)) due = event;
      else if (event === undefined) {
        this.changed = real.now(); // it is at work: look again later
        return;
      }
    }
    if (due === undefined || !this.active) return;
    if (++this.jumps > IDLE_JUMPS) await delay(Math.min(due - this.elapsed, 1000));
    if (this.active) await this.#moveTo(due);
  }

  /** When the first pending image of the workspace ends, in milliseconds of this link. */
  async #nextImage() {
    const answer = await this.workspace.send("GET", "generations", { status: "pending", kind: "image" });
    const moments = answer.generations.map((each) => Date.parse(each.ends_at)).filter(Number.isFinite);
    // Moments have microseconds in the fake, and milliseconds here.
    return moments.length ? Math.max(Math.min(...moments) + 1 - this.beginning, this.elapsed) : undefined;
  }

  async #moveTo(moment) {
    let events = [];
    const step = moment - this.elapsed;
    if (step > 0) {
      ({ events } = await this.workspace.send("POST", "clock/advance", { milliseconds: step }));
      this.elapsed = Math.max(this.elapsed, moment);
    }
    this.changed = real.now();
    for (let timer = this.#due(); timer && this.active; timer = this.#due()) {
      if (timer.repeats) timer.due = this.elapsed + timer.span;
      else this.timers.delete(timer.id);
      try {
        timer.callback(...timer.values);
      } catch (error) {
        real.setImmediate(() => {
          throw error;
        });
      }
      await Promise.resolve();
    }
    return events;
  }

  /** The timer to fire now, if there is one. */
  #due() {
    let first;
    for (const each of this.timers.values())
      if (each.due <= this.elapsed && (!first || each.due < first.due)) first = each;
    return first;
  }

  /** The timer to which time may jump; with `counting`, only while one waits that keeps a process alive. */
  #next(counting) {
    let first;
    let counts = false;
    for (const each of this.timers.values()) {
      counts ||= each.counts;
      if (!first || isSooner(each, first)) first = each;
    }
    return counting && !counts ? undefined : first;
  }

  /** Follow the requests of this process, by `fetch` and by `http`. */
  #watch() {
    this.undone = [];
    this.changed = real.now();
    const origin = new URL(this.workspace.url).origin;
    const on = (name, listen) => {
      channel(name).subscribe(listen);
      this.undone.push(() => channel(name).unsubscribe(listen));
    };
    const begin = (request, method, address) => {
      const url = new URL(address);
      const image = url.origin === origin && method === "POST" && url.pathname === "/v2/images/generations";
      const local = url.origin !== origin && /^(localhost|127\.|\[::1\])/.test(url.host);
      this.requests.set(request, { image, local });
      this.changed = real.now();
      this.jumps = 0;
      this.wake();
    };
    const end = (request) => {
      if (this.requests.delete(request)) {
        this.changed = real.now();
        this.ended();
      }
    };
    on("undici:request:create", ({ request }) => begin(request, request.method, new URL(request.path, request.origin)));
    on("undici:request:trailers", ({ request }) => end(request));
    on("undici:request:error", ({ request }) => end(request));
    on("http.client.request.start", ({ request }) => {
      if (isOwnRequest(request)) return;
      begin(request, request.method, `${request.protocol}//${request.host}:${portOf(request)}${request.path}`);
      request.once("close", () => end(request));
    });
    on("http.server.request.start", ({ response }) => {
      this.serving += 1;
      response.once("close", () => {
        this.serving -= 1;
      });
    });
  }

  #patch() {
    const link = this;
    const replace = (object, name, value) => {
      const before = Object.getOwnPropertyDescriptor(object, name);
      const enumerable = before?.enumerable ?? false;
      Object.defineProperty(object, name, { value, enumerable, writable: true, configurable: true });
      this.undone.push(() => {
        // What another library has put there since is left alone.
        if (object[name] !== value) return;
        if (before) Object.defineProperty(object, name, before);
        else delete object[name];
      });
    };
    const make = (repeats) =>
      function (callback, milliseconds, ...values) {
        if (typeof callback !== "function") throw new TypeError('The "callback" argument must be of type function.');
        if (callback.name === CLOSE_IDLE) return real.setTimeout(callback, milliseconds, ...values);
        return new LinkedTimeout(link, callback, milliseconds, values, repeats);
      };
    const clear = (original) =>
      function (timer) {
        if (timer instanceof LinkedTimeout) timer.close();
        // A timer of Node converts to a number, too, which may be that of another timer here.
        else if (typeof timer === "object" || !link.timers.delete(Number(timer))) original(timer);
      };
    const sleep = (milliseconds, value, { signal, ref = true } = {}) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(abortError(signal));
        const leave = () => {
          timer.close();
          reject(abortError(signal));
        };
        const timer = functions.setTimeout(() => {
          signal?.removeEventListener("abort", leave);
          resolve(value);
        }, milliseconds);
        if (!ref) timer.unref();
        signal?.addEventListener("abort", leave, { once: true });
      });
    const functions = {
      setTimeout: make(false),
      setInterval: make(true),
      clearTimeout: clear(globalThis.clearTimeout),
      clearInterval: clear(globalThis.clearInterval),
    };
    Object.defineProperty(functions.setTimeout, promisify.custom, { value: sleep });
    for (const place of [globalThis, realTimers])
      for (const [name, value] of Object.entries(functions)) replace(place, name, value);
    replace(timersPromises, "setTimeout", sleep);
    replace(timersPromises.scheduler, "wait", (milliseconds, options) => sleep(milliseconds, undefined, options));
    replace(AbortSignal, "timeout", (milliseconds) => {
      const controller = new AbortController();
      const reason = () => new DOMException("The operation was aborted due to timeout", "TimeoutError");
      functions.setTimeout(() => controller.abort(reason()), milliseconds).unref();
      return controller.signal;
    });
    const RealDate = globalThis.Date;
    replace(
      globalThis,
      "Date",
      new Proxy(RealDate, {
        construct: (target, values, made) =>
          Reflect.construct(target, values.length ? values : [link.now()], made),
        apply: () => new RealDate(link.now()).toString(),
        get: (target, name) => (name === "now" ? () => Math.floor(link.now()) : Reflect.get(target, name)),
      }),
    );
    const start = real.now();
    replace(performance, "now", () => start + link.elapsed);
    syncBuiltinESMExports();
  }
}

function isSooner(one, other) {
  return one.coarse === other.coarse ? one.due < other.due : other.coarse;
}

function portOf(request) {
  return request.socket?.remotePort ?? request.agent?.defaultPort ?? (request.protocol === "https:" ? 443 : 80);
}

function abortError(signal) {
  return Object.assign(new Error("The operation was aborted", { cause: signal.reason }), {
    name: "AbortError",
    code: "ABORT_ERR",
  });
}

function countResources() {
  let count = 0;
  for (const name of process.getActiveResourcesInfo()) if (REAL_RESOURCES.test(name)) count += 1;
  return count;
}
