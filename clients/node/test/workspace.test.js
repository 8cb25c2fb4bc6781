import assert from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { matchers, sameAmount, startGetimgMock } from "../src/index.js";
import { assertCharged, getimgMock } from "../src/node-test.js";

async function draw(mock, more = {}) {
  return fetch(`${mock.url}/v2/images/generations`, {
    method: "POST",
    headers: { authorization: `Bearer ${mock.key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "seedream-5-lite", prompt: "A lighthouse", ...more }),
  });
}

test("tests do not meet: each has a workspace, and its environment", async (t) => {
  const one = await getimgMock(t, { balance: "1.5" });
  assert.equal(process.env.GETIMG_API_KEY, one.key);
  const other = await getimgMock(t);
  assert.notEqual(one.key, other.key);
  await draw(one);
  assert.equal((await one.ledger.get()).balance, "1.46");
  assert.equal(await other.journal.count(), 0);
});

test("a matcher says what was charged", async (t) => {
  const mock = await getimgMock(t);
  await draw(mock);
  await assertCharged(mock, "0.040");
  await assert.rejects(assertCharged(mock, "0.05"), /Expected 0.05 USD to be charged, but it was 0.04 USD\n  0.04  req-/);
  const asked = await matchers.toHaveRequested.call({}, mock, { operation: "images.generate" }, 2);
  assert.equal(asked.pass, false);
  assert.match(asked.message(), /Expected 2 requests .* but there were 1\n {2}POST \/v2\/images\/generations 200/);
});

test("amounts are compared as decimals", () => {
  assert.ok(sameAmount("0.1", 0.1) && sameAmount("0.100", ".1") && sameAmount("0", "0.00") && sameAmount("10", "10.0"));
  assert.ok(!sameAmount("0.1", "0.10000000000000001") && !sameAmount("10", "1") && !sameAmount("-1", "1"));
  assert.throws(() => sameAmount("ten", 1), /'ten' is not an amount/);
});

test("faults, limits and settings are what a test says", async (t) => {
  const mock = await getimgMock(t, { scenario: { on: "images.generate", error: "rate_limit", times: 1 } });
  assert.equal((await draw(mock)).status, 429);
  assert.equal((await draw(mock)).status, 200);
  assert.equal((await mock.scenarios.list())[0].hits, 1);
  await mock.limits.set({ image_rpm: 1 });
  await mock.settings.set({ retention: 60 });
  assert.equal((await mock.settings.get()).retention, 60);
});

test("a file of one's own is delivered, byte for byte", async (t) => {
  const mock = await getimgMock(t);
  const bytes = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAADUlEQVR42mP4zwAE/wEHAAH/PX2MSQAAAABJRU5ErkJggg==",
    "base64",
  );
  const folder = await mkdtemp(join(tmpdir(), "getimg-node-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "own.png");
  await writeFile(file, bytes);
  const rule = await mock.media.add(relative(process.cwd(), file), { prompt: "lighthouse" });
  assert.deepEqual([rule.source, rule.files[0].width, rule.files[0].height], [file, 2, 1]);
  const [made] = (await (await draw(mock)).json()).data;
  assert.deepEqual([made.width, made.height, made.mime_type], [2, 1, "image/png"]);
  assert.deepEqual(Buffer.from(await (await fetch(made.url)).arrayBuffer()), bytes);
  assert.deepEqual((await mock.media.list()).map((each) => each.id), [rule.id]);
  await mock.media.remove(rule.id);
  assert.deepEqual(await mock.media.list(), []);
  await assert.rejects(mock.media.add(join(folder, "none.png")), /none\.png cannot be read: No such file/);
});

test("a state is taken and given back, here and under another key", async (t) => {
  const mock = await getimgMock(t);
  await draw(mock);
  const state = await mock.snapshot();
  await mock.reset();
  assert.equal(await mock.charged(), "0");
  await mock.restore(state);
  assert.ok(sameAmount(await mock.charged(), "0.04"));
  const copy = await mock.fork(`${mock.key}-copy`);
  assert.ok(sameAmount(await copy.charged(), "0.04"));
});

test("a refusal is an error with the fake's sentence", async (t) => {
  const mock = await getimgMock(t);
  await assert.rejects(mock.scenarios.add("rate-limitd"), {
    name: "GetimgMockError",
    status: 400,
    message: "Unknown scenario 'rate-limitd'. Did you mean 'rate-limited'?",
  });
  await assert.rejects(mock.clock.advance({ parsecs: 1 }));
});

test("what cannot be started or reached says what would work", async () => {
  await assert.rejects(startGetimgMock({ command: "no-such-getimg-mock" }), /was not found. Install the Python package/);
  await assert.rejects(startGetimgMock({ url: "http://127.0.0.1:1" }), /No answer from getimg-mock at http:\/\/127.0.0.1:1/);
  await assert.rejects(startGetimgMock({ noSuchOption: 1 }), /getimg-mock ended with status 2: .*--no-such-option/s);
});

test("a verdict is given on the requests of a test", async (t) => {
  const mock = await getimgMock(t);
  await draw(mock);
  const verdict = await mock.verdict();
  assert.ok(verdict.judged > 0);
  assert.equal((await matchers.toKeepTheContract.call({}, mock)).pass, verdict.findings.length === 0);
});

test("a fake of its own ends when it is told to", async () => {
  const server = await startGetimgMock({ videoSeconds: 1, seed: "node" });
  const { pid } = server;
  assert.equal((await fetch(`${server.url}/__mock__/health`)).status, 200);
  await server.stop();
  assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
});

/** A program that starts a fake, says where it is, and stays. */
const STARTER = `
  const { startGetimgMock } = await import(${JSON.stringify(new URL("../src/index.js", import.meta.url))});
  const { url } = await startGetimgMock();
  const { parentPort } = await import("node:worker_threads");
  if (parentPort) parentPort.postMessage(url);
  else console.log(url);
  setInterval(() => {}, 1000);
`;
const AS_MODULE = new URL(`data:text/javascript,${encodeURIComponent(STARTER)}`);

/** Wait until a fake has closed a connection to it, and with it its port. */
async function seeEnd(url, kill) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).resume();
  await once(socket, "connect");
  const closed = new Promise((resolve) => socket.on("error", () => {}).once("close", resolve));
  await kill();
  await closed;
  await assert.rejects(fetch(url));
}

test("a fake ends with the process or the thread that started it, also when that is killed", { timeout: 60_000 }, async () => {
  // As Vitest and Jest end their workers: without an exit event.
  const child = spawn(process.execPath, ["--input-type=module", "-e", STARTER], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout.setEncoding("utf8"), "data");
  await seeEnd(line.trim(), () => child.kill("SIGKILL"));
  const worker = new Worker(AS_MODULE);
  const [url] = await once(worker, "message");
  await seeEnd(url, () => worker.terminate());
});
