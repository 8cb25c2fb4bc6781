// A client of Node's fetch, or of axios, as a driver: JSON lines in and out. The first argument names its
// fault, or is "good"; the second is "axios" for that library, which NODE_PATH has to lead to.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { createWriteStream } from "node:fs";
import { link, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

const fault = process.argv[2] ?? "good";
const axios = process.argv[3] === "axios" ? createRequire(import.meta.url)("axios") : null;
const send = axios ? sendByAxios : fetch;
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
const READS = new Set([429, 500, 502, 503, 504]);
const ENDINGS = { "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "video/mp4": "mp4" };

class ClientError extends Error {
  constructor(name, message, facts = {}) { super(message); this.name = name; Object.assign(this, facts); }
}

// What axios answers, in the form of fetch. It decodes, follows and throws nothing by itself.
async function sendByAxios(url, { method = "GET", body, headers, signal }) {
  const got = await axios.request({
    url, method, data: body, headers, signal, responseType: "stream", maxRedirects: 0, decompress: false,
    proxy: false, validateStatus: () => true, transformRequest: [(data) => data],
  }).catch((error) => { error.cause ??= error; throw error; });
  return {
    status: got.status, ok: got.status >= 200 && got.status < 300, get body() { return Readable.toWeb(got.data); },
    headers: new Headers(Object.entries(got.headers).flatMap(([name, value]) => [].concat(value).map((each) => [name, each]))),
    async text() {
      const parts = [];
      let size = 0;
      for await (const part of got.data) {
        if ((size += part.length) > 2 ** 24) throw new Error("the answer is larger than any of the API");
        parts.push(part);
      }
      return new TextDecoder().decode(Buffer.concat(parts));
    },
  };
}

function segment(id) {
  if (["", ".", ".."].includes(id)) throw new ClientError("BadId", `${JSON.stringify(id)} is not an id`);
  return encodeURIComponent(id);
}

async function once(asked, path, fields) {
  const method = fields ? "POST" : "GET";
  const unknown = method === "POST";
  let answer, text;
  try {
    answer = await send(`${asked.base_url.replace(/\/$/, "")}/v2/${path}`, {
      method, body: fields && JSON.stringify(fields),
      headers: {
        authorization: `Bearer ${asked.key}`, accept: "application/json", "accept-encoding": "identity",
        "user-agent": "others-node/1.0", ...(fields && { "content-type": "application/json" }),
      },
      redirect: fault === "redirects" ? "follow" : "manual",
      signal: fault === "no_timeout" ? undefined : AbortSignal.timeout((asked.options.timeout ?? 120) * 1000),
    });
    text = await answer.text();
  } catch (error) {
    const refused = ["ECONNREFUSED", "ENOTFOUND"].includes(error.cause?.code);
    throw new ClientError(refused ? "ConnectionFailed" : "ConnectionLost",
      `${error.message} ${error.cause?.message ?? ""}`, { unknown: unknown && !refused, refused });
  }
  let value;
  try { value = JSON.parse(text); } catch { value = undefined; }
  if (!answer.ok) {
    const told = value?.error ?? value ?? {};
    throw new ClientError("ApiError", String(told.message ?? text), {
      status: answer.status, code: typeof told.code === "string" ? told.code : null, headers: answer.headers,
      request_id: answer.headers.get("x-request-id"),
      unknown: unknown && (answer.status === 409 || (answer.status >= 500 && !answer.headers.has("retry-after"))),
    });
  }
  if (value === undefined || value === null || typeof value !== "object")
    throw new ClientError("BadAnswer", "the answer is not the API's JSON", { status: answer.status, unknown });
  return value;
}

function again(method, error) {
  if (error.name === "ConnectionFailed") return true;
  if (fault === "retries_all") return true;
  if (method === "GET") return error.name === "ConnectionLost" || READS.has(error.status);
  return error.status === 429 || (error.status === 503 && error.headers?.has("retry-after"));
}

function told(headers) {
  const said = headers?.get("retry-after") ?? "";
  if (/^\d{1,9}$/.test(said)) return fault === "retry_after_ms" ? Number(said) / 1000 : Number(said);
  if (/[a-z]/i.test(said) && !Number.isNaN(Date.parse(said))) return Math.max((Date.parse(said) - Date.now()) / 1000 + 1, 0);
  const reset = headers?.get("x-ratelimit-reset") ?? "";
  return /^\d{1,12}$/.test(reset) ? Math.max(Number(reset) - Date.now() / 1000 + 0.5, 0) : 0;
}

async function call(asked, path, fields) {
  const method = fields ? "POST" : "GET";
  const tries = (asked.options.max_retries ?? 3) + 1;
  for (let tried = 0; ; tried++) {
    try { return await once(asked, path, fields); } catch (error) {
      if (tried + 1 >= tries || !again(method, error)) throw error;
      const wanted = error.status === 429 || error.status === 503 ? told(error.headers) : 0;
      if (wanted > 60) throw error;
      const ceiling = Math.min(30, 0.5 * 2 ** tried);
      await sleep(Math.max(wanted, ceiling / 2 + Math.random() * ceiling / 2));
    }
  }
}

const is = {
  text: (value) => typeof value === "string", number: (value) => typeof value === "number",
  moment: (value) => typeof value === "string" && /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(value),
  flag: (value) => typeof value === "boolean", list: Array.isArray,
  money: (value) => typeof value === "string" && value.trim() !== "" && Number.isFinite(Number(value)),
  table: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  maybe: (value) => value === null || typeof value === "string",
};

function check(value, fields, where = "body") {
  if (!is.table(value)) throw new ClientError("BadAnswer", `${where} is not an object`);
  for (const [name, kind] of Object.entries(fields))
    if (!(name in value) || !is[kind](value[name])) throw new ClientError("BadAnswer", `${where}.${name} is missing or of the wrong type`, { generation: is.text(value.id) ? value.id : null });
  return value;
}

function optional(value, fields, where) {
  for (const [name, kind] of Object.entries(fields))
    if (value[name] !== undefined && value[name] !== null && !is[kind](value[name])) throw new ClientError("BadAnswer", `${where}.${name} is of the wrong type`);
}

function checkUsage(usage) { check(usage, { total_cost: "number", billable_unit: "text", unit_price: "number", quantity: "number" }, "usage"); }

function checkFinished(value) {
  check(value, { id: "text", status: "text", model: "text", data: "list" });
  for (const item of value.data) {
    check(item, { url: "text", mime_type: "text", deletes_at: "moment" }, "data[]");
    optional(item, { width: "number", height: "number", duration: "number", fps: "number", has_sound: "flag" }, "data[]");
  }
  return value;
}

// What was paid for can be looked up by its id, whatever is wrong with the rest of its answer.
function named(value, read) {
  try { read(); } catch (error) { throw Object.assign(error, { generation: is.text(value?.id) ? value.id : null }); }
  return value;
}

function checkVideo(value) {
  return named(value, () => {
    check(value, { id: "text", status: "text" });
    if (value.status === "failed") check(check(value, { error: "table" }).error, { message: "text", code: "text" }, "error");
    if (value.status === "completed") { checkFinished(value); if (value.usage != null) checkUsage(value.usage); }
  });
}

function checkModel(value) {
  check(value, {
    id: "text", name: "text", type: "text", created_at: "moment", supported_aspect_ratios: "list", supported_resolutions: "list",
    supported_durations: "list", supported_references: "table", supports_sound: "flag", pricing: "table",
  });
  for (const [name, kind] of [["supported_aspect_ratios", "text"], ["supported_resolutions", "text"], ["supported_durations", "number"]])
    if (!value[name].every(is[kind])) throw new ClientError("BadAnswer", `${name} has an item of the wrong type`);
  if (!Object.values(value.supported_references).every(is.number)) throw new ClientError("BadAnswer", "supported_references has no number");
  check(value.pricing, { currency: "text", rates: "list" }, "pricing");
  for (const rate of value.pricing.rates) check(rate, { billable_unit: "text", resolution: "maybe", sound: "text", unit_price: "money" }, "rates[]");
  return value;
}

function moment(value) {
  if (!is.moment(value)) throw new ClientError("BadMoment", `${value} is not a moment with a zone`);
  return encodeURIComponent(value);
}

const paid = (work) => work.catch((error) => { if (error.name === "BadAnswer") error.unknown = true; throw error; });

const OPS = {
  generate_image: (asked, fields) => paid((async () => {
    const value = await call(asked, "images/generations", fields);
    named(value, () => { checkFinished(value); checkUsage(check(value, { usage: "table" }).usage); });
    if (value.status !== "completed") throw new ClientError("BadAnswer", `the image is ${value.status}`, { generation: is.text(value.id) ? value.id : null });
    return value;
  })()),
  submit_video: (asked, fields) => paid((async () => check(await call(asked, "videos/generations", fields), { id: "text", status: "text" }))()),
  retrieve_video: async (asked, { id }) => checkVideo(await call(asked, `videos/generations/${segment(id)}`)),
  models: async (asked, { type }) => {
    const list = await call(asked, type ? `models?type=${encodeURIComponent(type)}` : "models");
    if (!Array.isArray(list)) throw new ClientError("BadAnswer", "the models are not a list");
    return list.map(checkModel);
  },
  model: async (asked, { id }) => checkModel(await call(asked, `models/${segment(id)}`)),
  balance: async (asked) => check(await call(asked, "billing/balance"), { balance: "money", currency: "text" }),
  costs: async (asked, { start, end }) => {
    const value = check(await call(asked, `billing/costs?start=${moment(start)}&end=${moment(end)}`),
      { currency: "text", data: "list", start: "moment", end: "moment", total_cost: "number" });
    value.data.forEach((day) => check(day, { date: "text", cost: "number" }, "data[]"));
    return value;
  },
  async generate_video(asked, fields) {
    const { poll_interval = 5, wait_timeout = 900 } = asked.options;
    const { id } = await OPS.submit_video(asked, fields);
    const began = performance.now();
    for (let pause = poll_interval; ;) {
      const left = wait_timeout - (performance.now() - began) / 1000;
      await sleep(Math.max(Math.min(pause, left), 0));
      if (pause >= left) throw new ClientError("WaitTimeout", `video ${id} is still pending`, { generation: id });
      pause = poll_interval;
      let video;
      try { video = checkVideo(await once(asked, `videos/generations/${segment(id)}`)); } catch (error) {
        const young = performance.now() - began < 30000;
        const lives = (error.status === 404 && young) || /^Connection/.test(error.name) || error.status === 429 || error.status >= 500;
        if (!lives || fault === "poll_gives_up") throw Object.assign(error, { generation: id });
        pause = Math.max(pause, told(error.headers));
        continue;
      }
      if (video.status === "completed") return video;
      if (video.status === "failed") throw new ClientError("GenerationFailed", `video ${id} failed: ${video.error.message}`, { code: video.error.code, generation: id });
    }
  },
  async download(asked, { result, directory, index = 0, overwrite = false }) {
    const item = result.data[index];
    if (!item) throw new ClientError("DownloadFailed", `there is no file ${index}`);
    const answer = await send(item.url, {
      redirect: "manual", signal: AbortSignal.timeout((asked.options.timeout ?? 120) * 1000),
      headers: { "accept-encoding": "identity", "user-agent": "others-node/1.0", ...(fault === "key_on_download" && { authorization: `Bearer ${asked.key}` }) },
    });
    const kind = (answer.headers.get("content-type") ?? "").split(";")[0].trim().toLowerCase();
    const ok = fault === "any_status" ? answer.status < 300 : answer.status === 200;
    if (!ok || kind.startsWith("text/") || kind === "application/json")
      throw new ClientError("DownloadFailed", `the link answers ${answer.status} ${kind}; it may have expired`, { status: answer.status, generation: result.id });
    const stem = `${String(result.id).replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 80)}-${index}`;
    const ending = ENDINGS[item.mime_type.split(";")[0].trim().toLowerCase()] ?? "bin";
    const part = join(directory, `.${stem}-${process.pid}-${Math.random().toString(36).slice(2)}.part`);
    const name = (tried) => join(directory, `${stem}${tried ? `-${tried}` : ""}.${ending}`);
    const target = fault === "in_place" ? name(0) : part;
    try {
      await pipeline(Readable.fromWeb(answer.body), createWriteStream(target));
      if (fault === "in_place") return target;
      if (overwrite) { await rename(part, name(0)); return name(0); }
      for (let tried = 0; ; tried++) {
        try { await link(part, name(tried)); } catch (error) { if (error.code === "EEXIST") continue; throw error; }
        await unlink(part);
        return name(tried);
      }
    } catch (error) {
      if (fault !== "in_place") await unlink(part).catch(() => {});
      throw new ClientError("DownloadFailed", `${error.message} ${error.cause?.message ?? ""}`);
    }
  },
};
const ABOUT = { name: `others-node-${fault}`, ops: Object.keys(OPS), lacking: [], options: ["timeout", "poll_interval", "wait_timeout", "max_retries"] };

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  const work = async () => (asked.op === "describe" ? ABOUT : OPS[asked.op](asked, asked.args));
  const said = await work().then(
    (value) => ({ outcome: "value", value }),
    ({ name: type, message, status, code, request_id, generation, unknown }) => ({
      outcome: "error",
      error: { type, message, status: status ?? null, code: typeof code === "string" ? code : null, request_id: request_id ?? null, generation: generation ?? null, unknown: Boolean(unknown) },
    }),
  );
  console.log(JSON.stringify({ case: asked.case, ...said }));
}
