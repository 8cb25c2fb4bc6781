/** Starts a fake in a process of its own, or connects to one. */

import { spawn } from "node:child_process";
import { clearTimeout, setTimeout } from "node:timers";
import { randomUUID } from "node:crypto";
import { GetimgMockError } from "./control.js";
import { Workspace } from "./workspace.js";

const START_LIMIT = 20_000;
const ADDRESS = /https?:\/\/[^\s,"']+/;
const INSTALL =
  "getimg-mock was not found. Install the Python package (see its docs/install.md), name its command " +
  "with { command: [...] }, or connect to a running fake with { url: '...' }.";

// Settings of a workspace; other options are those of `getimg-mock serve`.
const OF_A_WORKSPACE = new Set(["balance", "limits", "scenario", "settings", "key", "linkedTime"]);

function toFlags(options) {
  const flags = [];
  for (const [name, value] of Object.entries(options)) {
    const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (value === undefined) continue;
    if (value === true) flags.push(`--${flag}`);
    else if (value === false) flags.push(`--no-${flag}`);
    else flags.push(`--${flag}`, Array.isArray(value) ? value.join(",") : String(value));
  }
  return flags;
}

/** A fake that tests use, which runs elsewhere or in a child process. */
export class GetimgMockServer {
  #child;
  #onExit;
  constructor(url, { token, child } = {}) {
    this.url = url;
    this.token = token;
    this.#child = child;
    if (child) {
      this.#onExit = () => child.kill();
      process.once("exit", this.#onExit);
    }
  }

  /** The id of the child process; undefined for a fake that runs elsewhere. */
  get pid() {
    return this.#child?.pid;
  }

  /**
   * Open a workspace of its own key, which no other test shares.
   *
   * `balance`, `limits`, `scenario` and `settings` are what it begins with. With `linkedTime` the timers of
   * this process follow its clock.
   */
  async workspace({ key = `sk_node_${randomUUID()}`, balance, limits, scenario, settings, linkedTime } = {}) {
    const workspace = new Workspace(this.url, key, { token: this.token });
    await workspace.reset();
    if (balance !== undefined) await workspace.ledger.set(balance);
    if (limits !== undefined) await workspace.limits.set(limits);
    if (settings !== undefined) await workspace.settings.set(settings);
    for (const each of [scenario ?? []].flat()) await workspace.scenarios.add(each);
    if (linkedTime) await workspace.linkTime(linkedTime === true ? {} : linkedTime);
    return workspace;
  }

  /** End the child process; a fake that runs elsewhere goes on. */
  async stop() {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    process.off("exit", this.#onExit);
    if (child.exitCode === null && child.signalCode === null) {
      child.ref();
      await new Promise((resolve) => {
        child.once("exit", resolve);
        child.kill();
      });
    }
  }

  [Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")]() {
    return this.stop();
  }
}

/**
 * Start a fake on a free port of 127.0.0.1, or connect to `url`; throws `GetimgMockError`.
 *
 * The fake ends with this process, also when that is killed: its standard input is a pipe from here. `untilEof: false`
 * is for a `command` that does not pass the input on.
 */
export async function startGetimgMock({ url, token, command, args = [], env, untilEof = true, ...options } = {}) {
  if (url !== undefined) {
    const server = new GetimgMockServer(url.replace(/\/+$/, ""), { token });
    await new Workspace(server.url, "sk_node_probe", { token }).send("GET", "health");
    return server;
  }
  for (const name of Object.keys(options))
    if (OF_A_WORKSPACE.has(name) && typeof options[name] === "object" && !Array.isArray(options[name]))
      throw new TypeError(`'${name}' is given to server.workspace({ ${name} }), not to the server.`);
  const flags = ["serve", "--port", "0", ...toFlags({ ...options, untilEof: untilEof || undefined }), ...args];
  const commands = command ? [[command].flat()] : [["getimg-mock"], ["python3", "-m", "getimg_mock"]];
  for (const words of commands) {
    const started = await start([...words, ...flags], { ...process.env, ...env });
    if (started) return new GetimgMockServer(started.url, { token, child: started.child });
  }
  throw new GetimgMockError(INSTALL);
}

function start([program, ...words], env) {
  const child = spawn(program, words, { env, stdio: ["pipe", "pipe", "pipe"] });
  return new Promise((resolve, reject) => {
    let shown = "";
    const timer = setTimeout(() => {
      child.kill();
      reject(new GetimgMockError(`getimg-mock printed no address within ${START_LIMIT / 1000} s: ${shown}`));
    }, START_LIMIT);
    const done = (settle, value) => {
      clearTimeout(timer);
      settle(value);
    };
    child.once("error", (cause) =>
      cause.code === "ENOENT"
        ? done(resolve, undefined)
        : done(reject, new GetimgMockError(`${program} does not start: ${cause.message}`, { cause })),
    );
    child.once("exit", (status) => {
      if (/No module named getimg_mock/.test(shown)) return done(resolve, undefined);
      done(reject, new GetimgMockError(`getimg-mock ended with status ${status}: ${shown.trim()}`));
    });
    const read = (part) => {
      shown += part;
      const found = ADDRESS.exec(shown);
      if (!found || !shown.includes("\n", found.index)) return;
      child.removeAllListeners("exit");
      // A write would fail once the fake has ended; nothing is written.
      child.stdin.on("error", () => {});
      child.stdin.unref();
      // The test runner may end while the fake runs; what it prints is not kept.
      for (const stream of [child.stdout, child.stderr]) {
        stream.removeAllListeners("data");
        stream.resume();
        stream.unref();
      }
      child.unref();
      done(resolve, { url: found[0].replace(/\/+$/, ""), child });
    };
    child.stdout.setEncoding("utf8").on("data", read);
    child.stderr.setEncoding("utf8").on("data", (part) => (shown += part));
  });
}
