// Pictures and videos: as they are, with what they cost and how long their links live.

import { button, copy, dialog, field, h, pairs, reconcile, save, say, select } from "./dom.js";
import { apiAddress, call, fetchBlob, fileAddress, now } from "./server.js";
import { openExchange } from "./timeline.js";
import { curl, moment, money, sdk, span, until } from "./words.js";

export const title = "Gallery";
const PAGE = 48;

export function mount(main) {
  const status = select("status", [["", "any state"], "pending", "completed", "failed"]);
  const kind = select("kind", [["", "images and videos"], ["image", "images"], ["video", "videos"]]);
  const list = h("ul", { class: "grid" });
  const count = h("p", { class: "soft", role: "status" });
  const older = button("Older", async () => move(1));
  const newer = button("Newer", async () => move(-1));
  const cards = new Map();
  let skip = 0;
  main.append(h("h1", {}, title), h("div", { class: "row" }, field("State", status), field("Kind", kind), newer, older), count, list);
  for (const each of [status, kind]) each.addEventListener("change", () => { skip = 0; refresh().catch((error) => say(error.message)); });

  function move(pages) {
    skip = Math.max(0, skip + pages * PAGE);
    return refresh();
  }

  async function refresh() {
    const told = await call("GET", "generations", { status: status.value, kind: kind.value, last: PAGE, skip });
    const shown = told.generations.reverse();
    const first = told.total ? skip + 1 : 0;
    count.textContent = told.total ? `${first} to ${skip + shown.length} of ${told.total}, newest first` : describeNone();
    newer.disabled = skip === 0;
    older.disabled = skip + shown.length >= told.total;
    const kept = new Set(shown.map((each) => each.id));
    for (const id of cards.keys()) if (!kept.has(id)) cards.delete(id);
    reconcile(list, shown.map((each) => {
      const card = cards.get(each.id) ?? makeCard(each.id);
      cards.set(each.id, card);
      card.update(each);
      return card.element;
    }));
  }

  function describeNone() {
    if (status.value || kind.value) return "No generation has this state and kind.";
    return "No generations yet: they appear here as soon as a client sends a request. The form under Models sends one, too.";
  }

  function tick() {
    for (const card of cards.values()) card.tick();
  }

  return { refresh, tick };
}

function makeCard(id) {
  let told = null;
  let shownAs = null;
  const frame = h("div", { class: "frame" });
  const prompt = h("span", { class: "prompt" });
  const facts = h("span", { class: "soft" });
  const life = h("span", { class: "soft" });
  const inner = button("", async () => openDetail(id), { class: "card" });
  inner.append(frame, h("span", { class: "text" }, prompt, facts, life));

  function update(generation) {
    told = generation;
    prompt.textContent = generation.prompt;
    facts.replaceChildren(h("bdi", {}, generation.model), `, ${describePrice(generation)}`);
    if (shownAs !== generation.status) {
      shownAs = generation.status;
      frame.replaceChildren(picture(generation));
    }
    tick();
  }

  function tick() {
    const time = now();
    if (!told || !time) return;
    life.textContent = describeLife(told, time);
    life.className = told.status === "failed" ? "bad" : told.status === "pending" ? "wait" : "soft";
    const bar = frame.querySelector("progress");
    if (bar && told.ends_at) bar.value = portion(told, time);
  }

  return { element: h("li", { "data-key": id }, inner), update, tick };
}

function picture(generation) {
  if (generation.status === "completed") {
    return h("img", { src: fileAddress(generation.id, "thumbnail"), alt: `${generation.kind}: ${generation.prompt}`, loading: "lazy", width: 230, height: 150 });
  }
  if (generation.status === "failed") return h("span", { class: "bad" }, "no file");
  return generation.ends_at ? h("progress", { max: 1, value: 0, "aria-label": "progress" }) : h("span", { class: "wait" }, "held");
}

// What a failed generation would have cost is given back.
function describePrice(generation) {
  return generation.status === "failed" ? "not charged" : money(generation.total_cost);
}

function portion(generation, time) {
  const begin = Date.parse(generation.created_at);
  return Math.min(1, (time.getTime() - begin) / Math.max(1, Date.parse(generation.ends_at) - begin));
}

function describeLife(generation, time) {
  if (generation.status === "failed") return `failed: ${generation.error?.code ?? ""}`;
  if (generation.status === "pending") {
    const left = until(generation.ends_at, time);
    return left === null ? "pending until polls or a command end it" : `pending, ${span(left)} left`;
  }
  const left = until(generation.deletes_at, time);
  return left > 0 ? `link lives ${span(left)}` : "link expired";
}

async function openDetail(id) {
  const generation = await call("GET", `generations/${encodeURIComponent(id)}`);
  const source = await findSubmission(id);
  const { failures } = await call("GET", "scenarios/words");
  const body = source?.body ?? { model: generation.model, prompt: generation.prompt };
  const media = h("div", {});
  const shown = dialog(`${generation.kind} ${id}`, h("div", {}, actions(generation, body, failures, source, () => shown.close()), media, facts(generation), references(body)));
  if (generation.status === "completed") await showMedia(media, generation, shown);
}

function facts(generation) {
  const size = `${generation.width} x ${generation.height}`;
  return pairs([
    ["prompt", generation.prompt],
    ["model", generation.model],
    ["state", generation.status],
    ["error", generation.error && `${generation.error.code}: ${generation.error.message}`],
    ["price", describePrice(generation)],
    ["file", [generation.mime_type, size, generation.duration && `${generation.duration} s`, generation.has_sound && "sound"].filter(Boolean).join(", ")],
    ["created", moment(generation.created_at)],
    [generation.status === "pending" ? "ends" : "ended", moment(generation.ends_at)],
    ["link expires", moment(generation.deletes_at)],
  ]);
}

async function showMedia(place, generation, shown) {
  const url = URL.createObjectURL(await fetchBlob(`generations/${encodeURIComponent(generation.id)}/file`));
  shown.addEventListener("close", () => URL.revokeObjectURL(url));
  place.append(generation.kind === "video" ? h("video", { class: "media", src: url, controls: true, preload: "metadata", "aria-label": generation.prompt }) : h("img", { class: "media", src: url, alt: generation.prompt }));
}

function references(body) {
  const given = Array.isArray(body.images) ? body.images : [];
  if (!given.length) return null;
  const one = (each) => {
    const url = String(each?.url ?? "");
    return /^data:image\/(png|jpeg|webp|gif)[;,]/.test(url) ? h("img", { src: url, alt: `reference, ${each.role ?? "reference_image"}` }) : h("p", { class: "soft" }, h("bdi", {}, `${each?.role ?? "reference"}: ${url.slice(0, 200)}`));
  };
  return h("div", { class: "references" }, h("h3", {}, "References"), given.map(one));
}

function readObject(text) {
  try {
    const value = JSON.parse(text);
    return value && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

async function findSubmission(id) {
  const told = await call("GET", "journal/timeline", { generation: id });
  const first = told.exchanges.find((each) => each.method === "POST");
  if (!first) return null;
  const exchange = await call("GET", `journal/${first.number}`);
  return { number: first.number, body: readObject(exchange.request.text) };
}

function actions(generation, body, failures, source, close) {
  const path = `generations/${encodeURIComponent(generation.id)}`;
  const done = (verb, past, work) => button(verb, async () => { await work(); close(); say(`${generation.id} ${past}.`); });
  const submit = curl("POST", apiAddress(`/v2/${generation.kind}s/generations`), JSON.stringify(body));
  const shared = [button("Copy as curl", async () => copy(submit)), button("Copy as SDK code", async () => copy(sdk(generation.kind, body)))];
  if (source) shared.push(button(`Show exchange ${source.number}`, async () => openExchange(source.number)));
  if (generation.status === "completed") {
    const link = generation.link ? apiAddress(generation.link) : "";
    return h("div", { class: "row" }, button("Open", async () => open(link, "_blank", "noopener")), button("Copy link", async () => copy(link)),
      button("Save file", async () => save(generation.id, await fetchBlob(`${path}/file`))), shared);
  }
  if (generation.status !== "pending") return h("div", { class: "row" }, shared);
  const code = select("code", failures, { "aria-label": "error code" });
  return h("div", { class: "row" }, done("Complete", "is completed", () => call("POST", `${path}/complete`)), done("Hold", "is held until a command ends it", () => call("POST", `${path}/hold`)),
    field("Code", code), done("Fail", "has failed", () => call("POST", `${path}/fail`, { code: code.value })), shared);
}

