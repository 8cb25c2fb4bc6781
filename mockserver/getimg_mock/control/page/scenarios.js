// Scenarios and rules: what goes wrong, how often, and how often it did.

import { button, copy, field, form, h, say, select, table } from "./dom.js";
import { call } from "./server.js";
import { toml } from "./words.js";

export const title = "Scenarios";
const COUNTED = ["id", "scenario", "seen", "hits"];

export function mount(main) {
  const active = h("div", {});
  const shipped = h("div", {});
  const own = h("section", {}, h("h2", {}, "A rule of your own"));
  let loaded = false;
  main.append(h("h1", {}, title), h("section", {}, h("h2", {}, "In force"), active), h("section", {}, h("h2", {}, "Shipped scenarios"), shipped), own);

  async function refresh() {
    const { rules } = await call("GET", "scenarios");
    const active_names = new Set(rules.map((each) => each.scenario));
    active.replaceChildren(rules.length ? table("Rules in force", ["rule", "of", "what it does", "acted", "fitted", ""], rules.map((rule) => [rule.id, rule.scenario ?? "", words(rule), rule.hits, rule.seen,
      button("Remove", async () => { await call("DELETE", `scenarios/${encodeURIComponent(rule.id)}`); await refresh(); }, { "aria-label": `Remove ${rule.id}` })]), [3, 4]) : h("p", { class: "soft" }, "No rule is in force."),
      h("div", { class: "row" }, button("Remove all", async () => { await call("DELETE", "scenarios"); await refresh(); }, { disabled: !rules.length })));
    if (!loaded) {
      loaded = true;
      own.append(ruleForm(await call("GET", "scenarios/words"), refresh));
    }
    if (!shipped.childElementCount) {
      const told = await call("GET", "scenarios/shipped");
      shipped.append(...told.scenarios.map((each) => shippedLine(each, refresh)));
    }
    for (const line of shipped.children) line.show(active_names);
  }

  return { refresh };
}

function shippedLine(each, refresh) {
  const on = button("Switch on", async () => { await call("POST", "scenarios", { name: each.name }); await refresh(); }, { "aria-label": `Switch on ${each.name}` });
  const off = button("Switch off", async () => {
    const { rules } = await call("GET", "scenarios");
    for (const rule of rules.filter((rule) => rule.scenario === each.name)) await call("DELETE", `scenarios/${encodeURIComponent(rule.id)}`);
    await refresh();
  }, { "aria-label": `Switch off ${each.name}` });
  const element = h("div", {}, h("h3", {}, each.name), h("p", {}, each.summary), h("div", { class: "row" }, on, off));
  element.show = (names) => { off.disabled = !names.has(each.name); };
  return element;
}

function words(rule) {
  return Object.entries(rule).filter(([name]) => !COUNTED.includes(name)).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
}

function ruleForm(offered, refresh) {
  const kind = select("kind", ["error", "fault", "status", "latency", "oddity"]);
  const value = h("span", {});
  const often = select("often", [["", "always"], "first", "times", "every", "probability", "seconds"]);
  const shown = h("pre", { tabindex: 0, "aria-label": "The rule as TOML" });
  const choices = { error: offered.errors, fault: offered.faults, oddity: offered.oddities };
  const element = form("New rule",
    [
      field("Operation", select("on", [["", "all"], "images.*", "videos.*", ...offered.operations])),
      field("Model (a glob)", h("input", { name: "model" })),
      field("Prompt (a pattern)", h("input", { name: "prompt" })),
      field("Behaviour", kind), field("Value", value),
      field("After the work is done and charged", h("input", { name: "after_commit", type: "checkbox" })),
      field("How often", often), field("How many", h("input", { name: "amount", type: "number", min: 0, step: "any", value: 1 })),
    ],
    "Add the rule",
    async (data) => { await call("POST", "scenarios", read(data)); say("The rule is in force."); await refresh(); });
  const update = () => { shown.textContent = toml(read(new FormData(element))); };
  const offer = () => {
    value.replaceChildren(kind.value in choices ? select("value", choices[kind.value], { "aria-label": "Value" }) : h("input", { name: "value", value: kind.value === "status" ? "500" : "3", "aria-label": "Value" }));
    update();
  };
  kind.addEventListener("change", offer);
  element.addEventListener("input", update);
  element.addEventListener("change", update);
  offer();
  return h("div", {}, element, h("h3", {}, "To keep it: a scenario file"), shown, button("Copy the TOML", async () => copy(shown.textContent)));
}

function read(data) {
  const rule = {};
  for (const name of ["on", "model", "prompt"]) if (data.get(name)) rule[name] = data.get(name);
  const kind = data.get("kind");
  const value = data.get("value");
  rule[kind] = kind === "status" || (kind === "latency" && value !== "" && !Number.isNaN(Number(value))) ? Number(value) : value;
  if (data.get("after_commit")) rule.after_commit = true;
  if (data.get("often")) rule[data.get("often")] = Number(data.get("amount"));
  return rule;
}
