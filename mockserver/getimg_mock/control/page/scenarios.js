// Scenarios and rules: what goes wrong, how often, and how often it did.

import { button, copy, field, form, h, say, select, showTable } from "./dom.js";
import { call } from "./server.js";
import { toml } from "./words.js";

export const title = "Scenarios";
const COUNTED = ["id", "scenario", "seen", "hits"];

export function mount(main) {
  const active = h("div", {});
  const none = h("p", { class: "soft" }, "No rule is in force.");
  const removeAll = button("Remove all", async () => { await call("DELETE", "scenarios"); await refresh(); });
  const shipped = h("div", { class: "columns" });
  const own = h("section", {}, h("h2", {}, "A rule of your own"));
  let loaded = false;
  main.append(h("h1", {}, title), h("section", {}, h("h2", {}, "In force"), active, none, h("div", { class: "row" }, removeAll)), h("section", {}, h("h2", {}, "Shipped scenarios"), shipped), own);

  async function refresh() {
    const { rules } = await call("GET", "scenarios");
    showTable(active, "Rules in force", ["rule", "of", "what it does", "acted", "fitted", ""], rules.map((rule) => [rule.id, rule.scenario ?? "", words(rule), rule.hits, rule.seen,
      button("Remove", async () => { await call("DELETE", `scenarios/${encodeURIComponent(rule.id)}`); await refresh(); }, { "aria-label": `Remove ${rule.id}` })]), { numeric: [3, 4], wide: [2], keys: rules.map((rule) => rule.id) });
    active.hidden = !rules.length;
    none.hidden = rules.length > 0;
    removeAll.disabled = !rules.length;
    if (!loaded) {
      loaded = true;
      own.append(ruleForm(await call("GET", "scenarios/words"), refresh));
    }
    if (!shipped.childElementCount) {
      const told = await call("GET", "scenarios/shipped");
      shipped.append(...told.scenarios.map((each) => shippedLine(each, refresh)));
    }
    for (const line of shipped.children) line.show(rules);
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
  const hits = h("span", { class: "good" });
  const element = h("div", {}, h("h3", {}, each.name), h("p", {}, each.summary), h("div", { class: "row" }, on, off, hits));
  element.show = (rules) => {
    const own = rules.filter((rule) => rule.scenario === each.name);
    on.disabled = own.length > 0;
    off.disabled = !own.length;
    hits.textContent = own.length ? `on, acted ${own.reduce((sum, rule) => sum + rule.hits, 0)} times` : "";
  };
  return element;
}

function words(rule) {
  return Object.entries(rule).filter(([name]) => !COUNTED.includes(name)).map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ");
}

const USUAL = { error: "server_error", fault: "close", oddity: "unknown_fields" };

function ruleForm(offered, refresh) {
  const kind = select("kind", [["error", "error (by its code)"], ["fault", "fault of the connection or body"], ["status", "status"], ["latency", "latency (seconds, or such as 2..5)"], ["oddity", "legal oddity of the answer"]]);
  const value = h("span", {});
  const often = select("often", [["", "always"], ["first", "the first N"], ["every", "every Nth"], ["probability", "a share N, from 0 to 1"], ["seconds", "for N seconds"]]);
  const amount = h("input", { name: "amount", type: "number", min: 0, step: "any", value: 1 });
  const shown = h("pre", { tabindex: 0, "aria-label": "The rule as TOML" });
  const choices = { error: offered.errors, fault: offered.faults, oddity: offered.oddities };
  const element = form("New rule",
    [
      field("Operation", select("on", [["", "all"], "images.*", "videos.*", ...offered.operations])),
      field("Model (a glob)", h("input", { name: "model" })),
      field("Prompt (a pattern)", h("input", { name: "prompt" })),
      field("Behaviour", kind), field("Value", value),
      h("label", { class: "check" }, h("input", { name: "after_commit", type: "checkbox" }), "only after the work is done and charged"),
      field("How often", often), field("How many (N)", amount),
    ],
    "Add the rule",
    async (data) => { await call("POST", "scenarios", read(data)); say("The rule is in force."); await refresh(); });
  const update = () => {
    amount.disabled = !often.value;
    shown.textContent = toml(read(new FormData(element)));
  };
  const offer = () => {
    value.replaceChildren(kind.value in choices ? select("value", choices[kind.value], { "aria-label": "Value", value: USUAL[kind.value] }) : h("input", { name: "value", value: kind.value === "status" ? "500" : "3", "aria-label": "Value" }));
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
