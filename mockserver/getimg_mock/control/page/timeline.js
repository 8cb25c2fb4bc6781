// Exchanges, clock steps, state changes and money in the order of the workspace's time.

import { button, copy, dialog, field, h, pairs, save, say, select, table } from "./dom.js";
import { apiAddress, call, fetchBlob, now } from "./server.js";
import { curl, moment, money } from "./words.js";

export const title = "Timeline";
const PAGE = 100;
const VERDICT_PACE = 2000;

export function mount(main) {
  const operation = select("operation", [["", "all operations"], ["images.*", "images"], ["videos.*", "videos"], ["models.*", "models"], ["billing.*", "billing"], ["downloads.*", "downloads"]]);
  const list = h("ol", { class: "lines" });
  const count = h("p", { class: "soft", role: "status" });
  const verdict = h("p", { class: "soft" });
  let before = null;
  let oldest = null;
  const older = button("Older", async () => { before = oldest; await refresh(); });
  const newest = button("Newest", async () => { before = null; await refresh(); });
  main.append(h("h1", {}, title), h("div", { class: "row" }, field("Operation", operation), newest, older,
    button("Download HAR", async () => save("getimg-mock.har", await fetchBlob("journal/export", { operation: operation.value }))),
    button("Clear the journal", async () => { await call("DELETE", "journal"); await refresh(); })), count, verdict, list);
  operation.addEventListener("change", () => { before = null; refresh().catch((error) => say(error.message)); });

  let findings = new Map();
  let judged = null;
  let judging = false;
  let shown = null;

  async function refresh() {
    const told = await call("GET", "journal/timeline", { last: PAGE, before, operation: operation.value });
    const generations = operation.value ? { generations: [] } : await call("GET", "generations", { last: PAGE });
    oldest = told.exchanges[0]?.number ?? null;
    older.disabled = told.exchanges.length >= told.total || oldest === null;
    newest.disabled = before === null;
    count.textContent = `${told.exchanges.length} of ${told.total} exchanges, newest first`;
    shown = { told, generations: generations.generations };
    render();
    judge(told).catch((error) => say(error.message));
  }

  function render() {
    list.replaceChildren(...merge(shown.told, shown.generations, findings, before === null, Boolean(operation.value)));
  }

  // A verdict on a long journal takes a second: one at a time, at a pace, and only on new exchanges.
  async function judge(told) {
    const state = `${told.total} ${told.exchanges.at(-1)?.number}`;
    if (judging || judged === state) return;
    judging = true;
    try {
      judged = state;
      findings = await readFindings(verdict);
      if (list.isConnected) render();
    } finally {
      setTimeout(() => {
        judging = false;
        if (list.isConnected && shown) judge(shown.told).catch((error) => say(error.message));
      }, VERDICT_PACE);
    }
  }

  return { refresh };
}

async function readFindings(place) {
  const found = new Map();
  const told = await call("GET", "verdict");
  for (const each of told.findings) for (const number of each.exchanges) found.set(number, [...(found.get(number) ?? []), each]);
  const failed = new Set(told.findings.filter((each) => each.status === "FAIL").map((each) => each.check));
  place.textContent = told.judged ? `Client contract: ${told.judged} rules judged, ${failed.size ? `broken: ${[...failed].join(", ")}` : "none broken"}.` : "";
  return found;
}

function merge(told, generations, findings, newest, filtered) {
  const lines = told.exchanges.map((each) => ({ at: each.at, order: 1, element: () => exchangeLine(each, findings.get(each.number) ?? [], twins.get(each.number)) }));
  const twins = findTwins(told.exchanges);
  const from = newest && told.exchanges.length < told.total ? told.exchanges[0]?.at ?? "" : newest ? "" : told.exchanges[0]?.at ?? "";
  const to = newest ? null : told.exchanges.at(-1)?.at;
  const within = (at) => Date.parse(at) >= (from ? Date.parse(from) : -Infinity) && (!to || Date.parse(at) <= Date.parse(to));
  if (!filtered) {
    for (const each of told.steps) if (within(each.at)) lines.push({ at: each.at, order: 2, element: () => stepLine(each) });
    const time = now();
    for (const each of generations) {
      const ended = each.status !== "pending" && each.ends_at && (!time || Date.parse(each.ends_at) <= time.getTime());
      if (ended && within(each.ends_at)) lines.push({ at: each.ends_at, order: 3, element: () => stateLine(each) });
    }
  }
  lines.sort((one, two) => Date.parse(two.at) - Date.parse(one.at) || two.order - one.order);
  return lines.map((each) => each.element());
}

// A submission whose bytes are those of an earlier one, and which was booked again.
function findTwins(exchanges) {
  const first = new Map();
  const found = new Map();
  for (const each of exchanges) {
    if (!each.same_as) continue;
    const booked = each.effects.find((effect) => effect.what === "hold");
    const earlier = first.get(each.same_as);
    if (earlier && booked) found.set(each.number, { earlier, amount: booked.amount });
    if (booked && !earlier) first.set(each.same_as, each.number);
  }
  return found;
}

function line(at, ...content) {
  return h("li", {}, h("time", { datetime: at }, moment(at)), h("div", { class: "what" }, content));
}

function exchangeLine(each, findings, twin) {
  const good = each.status >= 200 && each.status < 400 && each.sent;
  const open = h("button", { type: "button", class: "link" }, `#${each.number} ${each.method} ${each.path}`);
  open.addEventListener("click", () => openExchange(each.number).catch((error) => say(error.message)));
  const amounts = each.effects.filter((effect) => effect.amount !== null).map((effect) => `${effect.what} ${money(effect.amount)}`);
  return line(each.at, open, " ", h("span", { class: good ? "good" : "bad" }, `${each.status}${each.sent ? "" : ", not sent"}`),
    h("div", { class: "soft" }, [each.model, each.prompt, amounts.join(", ")].filter(Boolean).join(" - ")),
    each.error && h("div", { class: "bad" }, `${each.error.code ?? ""}: ${each.error.message ?? ""}`),
    each.unknown_fields.length > 0 && h("div", { class: "wait" }, `unknown fields: ${each.unknown_fields.join(", ")}`),
    each.hint && h("div", { class: "wait" }, `hint: ${each.hint}`),
    each.fault && h("div", { class: "wait" }, `fault: ${each.fault}${each.rules.length ? ` (${each.rules.join(", ")})` : ""}`),
    twin && h("div", { class: "finding" }, `The same request as #${twin.earlier}, paid again: ${money(twin.amount)}`),
    findings.map((found) => h("div", { class: "finding" }, h("strong", {}, `${found.check} ${found.status} `), `expected ${found.expected}; actual: ${found.actual}`)));
}

function stepLine(each) {
  const values = Object.entries(each.values).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
  const moved = Date.parse(each.ended_at) - Date.parse(each.at) > 500 ? `, now ${moment(each.ended_at)}` : "";
  return line(each.at, h("span", { class: "badge" }, each.command), `${values}${moved}`);
}

function stateLine(each) {
  return line(each.ends_at, h("span", { class: `badge ${each.status === "failed" ? "bad" : "good"}` }, each.status), `${each.kind} ${each.id}`, each.status === "failed" ? `, ${each.error?.code ?? ""}` : `, ${money(each.total_cost)}`);
}

export async function openExchange(number) {
  const each = await call("GET", `journal/${number}`);
  const { request, response } = each;
  const url = apiAddress(request.path + (request.query ? `?${request.query}` : ""));
  dialog(`Exchange ${number}`, h("div", {},
    pairs([
      ["operation", each.operation], ["time", moment(each.at)], ["real time", moment(each.wall)], ["took", `${each.milliseconds} ms`], ["generation", each.generation],
      ["rules", each.rules.join(", ")], ["fault", each.fault], ["effects", each.effects.map((effect) => [effect.what, money(effect.amount)].filter(Boolean).join(" ")).join(", ")],
    ]),
    h("div", { class: "row" }, button("Copy as curl", async () => copy(curl(request.method, url, request.text))),
      button("Download HAR", async () => save(`exchange-${number}.har`, await fetchBlob("journal/export", { number })))),
    h("h3", {}, "Request"), h("p", {}, `${request.method} ${request.path}${request.query ? `?${request.query}` : ""}`), headers("Request headers", request.headers), body(request),
    h("h3", {}, "Answer"), h("p", {}, `${response.status}${response.sent ? "" : ", not sent completely"}`), headers("Answer headers", response.headers), body(response)));
}

function headers(caption, given) {
  return table(caption, ["header", "value"], given);
}

function body(message) {
  if (!message.size) return null;
  if (message.text === undefined) return h("p", { class: "soft" }, `${message.size} bytes, not text`);
  let text = message.text;
  try {
    text = JSON.stringify(JSON.parse(text), null, 2);
  } catch { /* shown as it came */ }
  return h("pre", { tabindex: 0 }, text);
}
