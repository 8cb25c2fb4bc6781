import assert from "node:assert";
import http from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { assertCharged, getimgMock } from "../src/node-test.js";

const LINKED = { linkedTime: true };

function headers(mock) {
  return { authorization: `Bearer ${mock.key}`, "content-type": "application/json" };
}

async function submit(mock, kind, model, signal) {
  const answer = await fetch(`${mock.url}/v2/${kind}/generations`, {
    method: "POST",
    headers: headers(mock),
    body: JSON.stringify({ model, prompt: "Waves" }),
    signal,
  });
  return answer.json();
}

async function follow(mock, video, wait) {
  let polls = 1;
  for (;;) {
    const answer = await fetch(`${mock.url}/v2/videos/generations/${video.id}`, { headers: headers(mock) });
    const found = await answer.json();
    if (found.status !== "pending") return { polls, found };
    await wait(5000);
    polls += 1;
  }
}

test("a ten-minute video is polled 121 times", async (t) => {
  const mock = await getimgMock(t, { ...LINKED, settings: { video_seconds: 600 } });
  const began = Date.now();
  const video = await submit(mock, "videos", "seedance-v1-5-pro");
  const { polls, found } = await follow(mock, video, (ms) => new Promise((resolve) => setTimeout(resolve, ms)));
  assert.equal(found.status, "completed");
  assert.equal(polls, 121);
  assert.equal(Date.now() - began, 600_000);
  await assertCharged(mock, found.usage.total_cost);
});

test("the promise of node:timers is linked, and Date of a link's expiry too", async (t) => {
  const mock = await getimgMock(t, { ...LINKED, settings: { video_seconds: 60 } });
  const video = await submit(mock, "videos", "seedance-v1-5-pro");
  const { found } = await follow(mock, video, sleep);
  const [file] = found.data;
  const whole = await fetch(file.url);
  assert.equal((await whole.arrayBuffer()).byteLength, Number(whole.headers.get("content-length")));
  await sleep(new Date(file.deletes_at) - new Date() + 1000);
  assert.equal((await fetch(file.url)).status, 410);
});

test("an image that takes half a minute is waited for, and a timeout before it fires", async (t) => {
  const mock = await getimgMock(t, { ...LINKED, settings: { image_seconds: 30 } });
  const began = Date.now();
  const image = await submit(mock, "images", "seedream-5-lite", AbortSignal.timeout(60_000));
  assert.equal(image.status, "completed");
  assert.ok(Date.now() - began >= 30_000);
  const again = Date.now();
  await assert.rejects(submit(mock, "images", "seedream-5-lite", AbortSignal.timeout(10_000)), { name: "TimeoutError" });
  assert.equal(Date.now() - again, 10_000);
});

test("a timeout does not pass while a local service is at work", async (t) => {
  const mock = await getimgMock(t, LINKED);
  const service = http.createServer((_, response) => setImmediate(() => response.end("late")));
  await new Promise((resolve) => service.listen(0, "127.0.0.1", resolve));
  t.after(() => service.close().closeAllConnections());
  const url = `http://127.0.0.1:${service.address().port}`;
  const began = Date.now();
  const answer = await fetch(url, { signal: AbortSignal.timeout(5000) });
  assert.equal(await answer.text(), "late");
  assert.equal(Date.now(), began);
  assert.ok(mock.link.active);
});

test("a server of this process may wait for a timer", async (t) => {
  await getimgMock(t, LINKED);
  const service = http.createServer((_, response) => setTimeout(() => response.end("slept"), 30_000));
  await new Promise((resolve) => service.listen(0, "127.0.0.1", resolve));
  t.after(() => service.close().closeAllConnections());
  const began = Date.now();
  const answer = await fetch(`http://127.0.0.1:${service.address().port}`);
  assert.equal(await answer.text(), "slept");
  assert.equal(Date.now() - began, 30_000);
});

test("timers fire in their order, can be cleared and repeat", async (t) => {
  await getimgMock(t, LINKED);
  const seen = [];
  const every = setInterval(() => seen.push(`every ${seen.length}`), 400);
  setTimeout(() => seen.push("late"), 1000);
  setTimeout(() => seen.push("early"), 100);
  clearTimeout(setTimeout(() => seen.push("never"), 50));
  const refreshed = setTimeout(() => seen.push("refreshed"), 10);
  refreshed.close();
  await sleep(1100);
  clearInterval(every);
  assert.deepEqual(seen, ["early", "every 1", "every 2", "late"]);
});

test("advancing the clock fires what is due on the way", async (t) => {
  const mock = await getimgMock(t, LINKED);
  const seen = [];
  const timer = setTimeout(() => seen.push(Date.now()), 60_000);
  timer.unref();
  const began = Date.now();
  await mock.clock.advance({ minutes: 2 });
  assert.deepEqual(seen, [began + 60_000]);
  assert.equal(Date.now(), began + 120_000);
  assert.equal((await mock.clock.now()).getTime(), Date.now());
});

test("after the link everything is Node's again", async (t) => {
  const before = [setTimeout, setInterval, clearTimeout, clearInterval, Date, AbortSignal.timeout, sleep];
  const mock = await getimgMock(t, LINKED);
  assert.notEqual(setTimeout, before[0]);
  await mock.link.unlink();
  assert.deepEqual([setTimeout, setInterval, clearTimeout, clearInterval, Date, AbortSignal.timeout, sleep], before);
  assert.equal((await mock.clock.get()).rate, 1);
  assert.equal(Object.hasOwn(performance, "now"), false);
});

test("a timer that is left over goes on in real time", async (t) => {
  const mock = await getimgMock(t, LINKED);
  const kept = [];
  const over = new Promise((resolve) => setTimeout(resolve, 20));
  const cleared = setTimeout(() => kept.push("cleared"), 1);
  const refreshed = setTimeout(() => kept.push("refreshed"), 1_000_000);
  const ended = mock.link.unlink();
  clearTimeout(cleared);
  await ended;
  await over;
  refreshed.refresh();
  refreshed.close();
  assert.deepEqual(kept, []);
});

test("only one workspace can be linked at a time", async (t) => {
  await getimgMock(t, LINKED);
  await assert.rejects(getimgMock(t, LINKED), /linked to another workspace/);
});
