// Exchanges, clock steps, state changes and money in the order of the workspace's time.

import { button, copy, dialog, field, h, pairs, reconcile, save, say, select } from "./dom.js";
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
  const none = h("p", { class: "soft", hidden: true }, "Nothing has happened yet: each request of a client, and each command, becomes a line here.");
  let before = null;
  let oldest = null;
  const older = button("Older", async () => { before = oldest; await refresh(); });
  const newest = button("Newest", async () => { before = null; await refresh(); });
  main.append(h("h1", {}, title), h("div", { class: "row" }, field("Operation", operation), newest, older,
    button("Download HAR", async () => save("getimg-mock.har", await fetchBlob("journal/export", { operation: operation.value }))),
    button("Clear the journal", async () => { await call("DELETE", "journal"); before = null; await refresh(); })), count, verdict, none, list);
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
    reconcile(list, merge(shown.told, shown.generations, findings, before === null, Boolean(operation.value)));
    none.hidden = list.childElementCount > 0;
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
  if (!place.textContent) place.textContent = "Client contract: the requests are being judged.";
  const told = await call("GET", "verdict");
  for (const each of told.findings) for (const number of each.exchanges) found.set(number, [...(found.get(number) ?? []), each]);
  const failed = new Set(told.findings.filter((each) => each.status === "FAIL").map((each) => each.check));
  const [one] = failed;
  place.textContent = told.judged ? `Client contract: ${told.judged} rules judged, ${one ? `broken: ${[...failed].join(", ")}. "getimg-mock explain ${one}" says why and what to do` : "none broken"}.` : "";
  return found;
}

function merge(told, generations, findings, newest, filtered) {
  const states = new Map(generations.map((each) => [each.id, each]));
  const lines = told.exchanges.map((each) => {
    const made = findEnded(each, states);
    if (made) states.delete(made.id);
    return { at: each.at, order: 1, element: () => exchangeLine(each, made, findings.get(each.number) ?? [], describeTwin(each)) };
  });
  const from = newest && told.exchanges.length >= told.total ? "" : told.exchanges[0]?.at ?? "";
  const to = newest ? null : told.exchanges.at(-1)?.at;
  const within = (at) => Date.parse(at) >= (from ? Date.parse(from) : -Infinity) && (!to || Date.parse(at) <= Date.parse(to));
  if (!filtered) {
    for (const each of told.steps) if (within(each.at)) lines.push({ at: each.at, order: 2, element: () => stepLine(each) });
    const time = now();
    for (const each of states.values()) {
      const ended = each.status !== "pending" && each.ends_at && (!time || Date.parse(each.ends_at) <= time.getTime());
      if (ended && within(each.ends_at)) lines.push({ at: each.ends_at, order: 3, element: () => stateLine(each) });
    }
  }
  lines.sort((one, two) => Date.parse(two.at) - Date.parse(one.at) || two.order - one.order);
  return lines.map((each) => each.element());
}

// The generation that an exchange submitted and that ended within it, as images do.
function findEnded(exchange, states) {
  const made = exchange.method === "POST" && states.get(exchange.generation);
  const end = Date.parse(exchange.at) + exchange.milliseconds + 1;
  return made && made.status !== "pending" && Date.parse(made.ends_at) <= end ? made : null;
}

// What a line says of a submission whose bytes were paid for more than once.
function describeTwin(each) {
  const booked = each.effects.find((effect) => effect.what === "hold");
  if (each.paid_before !== null) return `The same request as #${each.paid_before}, paid again: ${money(booked.amount)}`;
  return each.paid_again === null ? null : `Sent again as #${each.paid_again}, and paid again`;
}

function line(key, at, ...content) {
  return h("li", { "data-key": key }, h("time", { datetime: at }, moment(at)), h("div", { class: "what" }, content));
}

function stateBadge(each) {
  return h("span", { class: `badge ${each.status === "failed" ? "bad" : "good"}` }, each.status);
}

function exchangeLine(each, made, findings, twin) {
  const good = each.status >= 200 && each.status < 400 && each.sent;
  const open = h("button", { type: "button", class: "link" }, h("bdi", {}, `#${each.number} ${each.method} ${each.path}`));
  open.addEventListener("click", () => openExchange(each.number).catch((error) => say(error.message)));
  const amounts = each.effects.filter((effect) => effect.amount !== null).map((effect) => `${effect.what} ${money(effect.amount)}`);
  const known = [each.model, each.prompt, amounts.join(", ")].filter(Boolean);
  return line(`exchange ${each.number}`, each.at, open, " ", h("span", { class: good ? "good" : "bad" }, describeStatus(each)), " ", made && stateBadge(made),
    h("div", { class: "soft" }, known.map((part, index) => [index ? " - " : null, h("bdi", {}, part)])),
    each.error && h("div", { class: "bad" }, `${each.error.code ?? ""}: ${each.error.message ?? ""}`),
    each.unknown_fields.length > 0 && h("div", { class: "wait" }, `unknown fields: ${each.unknown_fields.join(", ")}`),
    each.hint && h("div", { class: "wait" }, `hint: ${each.hint}`),
    each.fault && h("div", { class: "wait" }, `fault: ${each.fault}${each.rules.length ? ` (${each.rules.join(", ")})` : ""}`),
    !each.fault && each.rules.length > 0 && h("div", { class: "wait" }, `rules: ${each.rules.join(", ")}`),
    twin && h("div", { class: "finding" }, twin),
    groupByCheck(findings).map((found) => h("div", { class: "finding" }, h("strong", {}, `${found.check} ${found.status} `), h("bdi", {}, `expected ${found.expected}; actual: ${found.actual.join("; ")}`))));
}

// No answer has the status 0.
function describeStatus(each) {
  if (!each.status) return "no answer";
  return `${each.status}${each.sent ? "" : ", not sent completely"}`;
}

// One exchange can break a rule more than once: with the one before it, and with the one after.
function groupByCheck(findings) {
  const found = new Map();
  for (const each of findings) {
    const key = `${each.check} ${each.status} ${each.expected}`;
    const group = found.get(key) ?? { ...each, actual: [] };
    if (!group.actual.includes(each.actual)) group.actual.push(each.actual);
    found.set(key, group);
  }
  return [...found.values()];
}

function stepLine(each) {
  const values = Object.entries(each.values).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
  const moved = Date.parse(each.ended_at) - Date.parse(each.at) > 500 && h("span", { class: "soft" }, `to ${moment(each.ended_at)} `);
  return line(`step ${each.number}`, each.at, h("span", { class: "badge" }, each.command), moved, h("bdi", {}, values));
}

function stateLine(each) {
  const end = each.status === "failed" ? `${each.error?.code ?? ""}, not charged` : money(each.total_cost);
  return line(`state ${each.id}`, each.ends_at, stateBadge(each), `${each.kind} ${each.id}, ${end}`);
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
    h("div", { class: "row" }, button("Copy as curl", async () => copy(curl(request.method, url, request.text, request.headers))),
      button("Download HAR", async () => save(`exchange-${number}.har`, await fetchBlob("journal/export", { number })))),
    h("h3", {}, "Request"), h("p", {}, `${request.method} ${request.path}${request.query ? `?${request.query}` : ""}`), headers(request.headers), body(request),
    h("h3", {}, "Answer"), h("p", {}, describeStatus(response)), headers(response.headers), body(response)));
}

function headers(given) {
  return h("dl", { class: "pairs" }, given.map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
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
