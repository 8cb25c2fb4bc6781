// The workspace's clock: what moves it, and what each step did.

import { button, field, form, h, say } from "./dom.js";
import { call, now, state } from "./server.js";
import { moment } from "./words.js";

export const title = "Clock";

export function mount(main) {
  const time = h("p", { class: "soft" });
  const done = h("ol", { class: "lines", "aria-label": "What the last steps did" });
  const step = (text, path, payload) => button(text, async () => report(text, await call("POST", path, payload)));
  const rate = h("input", { name: "rate", type: "number", min: 0, max: 1000000, step: "any", value: 60, required: true });
  const to = h("input", { name: "moment", type: "datetime-local", step: 1, required: true });
  main.append(h("h1", {}, title), h("section", {}, time,
    h("div", { class: "row" }, step("+1 min", "clock/advance", { minutes: 1 }), step("+10 min", "clock/advance", { minutes: 10 }), step("+1 h", "clock/advance", { hours: 1 }), step("To the next event", "clock/advance-to-next-event")),
    h("div", { class: "row" }, step("Freeze", "clock/freeze"), step("Real time", "clock/scale", { rate: 1 })),
    form("Scale", field("Clock seconds per real second", rate), "Scale", async () => report(`Scale ${rate.value}`, await call("POST", "clock/scale", { rate: Number(rate.value) }))),
    form("Move to a moment", field("Moment, in UTC", to), "Move there", async () => report("Move", await call("POST", "clock/advance-to", { moment: `${to.value}Z` })))),
    h("section", {}, h("h2", {}, "Steps"), done));

  function report(text, told) {
    const events = (told.events ?? []).map((each) => h("div", {}, describe(each)));
    done.prepend(h("li", {}, h("time", {}, moment(told.now)), h("div", { class: "what" }, h("strong", {}, text), events.length ? events : h("div", { class: "soft" }, told.rate === undefined ? "no event in between" : `rate ${told.rate}`))));
    say(`${text}: it is ${moment(told.now)} UTC.`);
  }

  function tick() {
    const current = now();
    const pace = state.workspace?.rate;
    time.textContent = current ? `${moment(current)} UTC, ${pace === 0 ? "frozen" : `${pace} clock seconds per real second`}` : "";
    if (current && !to.value) to.value = new Date(current.getTime() + 600000).toISOString().slice(0, 19);
  }

  return { tick };
}

function describe(event) {
  return Object.entries(event).filter(([, value]) => value !== null).map(([name, value]) => name === "at" ? moment(value) : `${value}`).join("  ");
}
