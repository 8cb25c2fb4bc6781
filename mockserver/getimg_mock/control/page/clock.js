// The workspace's clock: what moves it, and what each step did.

import { button, field, form, h, say } from "./dom.js";
import { call, now, state } from "./server.js";
import { moment, span, until } from "./words.js";

export const title = "Clock";
// So many pending jobs are looked through for the next that ends.
const SOONEST = 100;

export function mount(main) {
  const time = h("p", {});
  const coming = h("p", { class: "soft" });
  const none = h("p", { class: "soft" }, "None yet: each step says here which events it passed. The timeline keeps them.");
  let pending = [];
  const done = h("ol", { class: "lines", "aria-label": "What the last steps did" });
  const step = (text, path, payload) => button(text, async () => report(text, await call("POST", path, payload)));
  const rate = h("input", { name: "rate", type: "number", min: 0, max: 1000000, step: "any", value: 60, required: true });
  const to = h("input", { name: "moment", type: "datetime-local", step: 1, required: true });
  main.append(h("h1", {}, title), h("section", {}, time, coming,
    h("div", { class: "row" }, step("+1 min", "clock/advance", { minutes: 1 }), step("+10 min", "clock/advance", { minutes: 10 }), step("+1 h", "clock/advance", { hours: 1 }), step("To the next event", "clock/advance-to-next-event")),
    h("div", { class: "row" }, step("Freeze", "clock/freeze"), step("Real time", "clock/scale", { rate: 1 })),
    form("Scale", field("Clock seconds per real second", rate), "Scale", async () => report(`Scale ${rate.value}`, await call("POST", "clock/scale", { rate: Number(rate.value) }))),
    form("Move to a moment", field("Moment, in UTC", to), "Move there", async () => report("Move", await call("POST", "clock/advance-to", { moment: `${to.value}Z` })))),
    h("section", {}, h("h2", {}, "Steps"), none, done));

  function report(text, told) {
    const events = (told.events ?? []).map((each) => h("div", {}, describe(each)));
    none.hidden = true;
    done.prepend(h("li", {}, h("time", {}, moment(told.now)), h("div", { class: "what" }, h("strong", {}, text), events.length ? events : h("div", { class: "soft" }, told.rate === undefined ? "no event in between" : `rate ${told.rate}`))));
    say(`${text}: it is ${moment(told.now)} UTC.`);
  }

  async function refresh() {
    pending = (await call("GET", "generations", { status: "pending", last: SOONEST })).generations.filter((each) => each.ends_at);
    tick();
  }

  function tick() {
    const current = now();
    time.textContent = current ? `${moment(current)} UTC, ${describePace(state.workspace.rate)}` : "";
    coming.textContent = current ? describeComing(pending, current) : "";
    if (current && !to.value) to.value = new Date(current.getTime() + 600000).toISOString().slice(0, 19);
  }

  return { refresh, tick };
}

function describePace(rate) {
  if (rate === 0) return "frozen";
  return rate === 1 ? "as fast as real time" : `${rate} clock seconds per real second`;
}

function describeComing(pending, current) {
  const [first] = [...pending].sort((one, two) => Date.parse(one.ends_at) - Date.parse(two.ends_at));
  return first ? `${first.kind} ${first.id} ends at ${moment(first.ends_at)}, in ${span(until(first.ends_at, current))}.` : "No job ends by itself.";
}

function describe(event) {
  return Object.entries(event).filter(([, value]) => value !== null).map(([name, value]) => name === "at" ? moment(value) : `${value}`).join("  ");
}
