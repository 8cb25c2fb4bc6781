// The money of a workspace, and its rate limits.

import { field, form, h, pairs, say, svg, table } from "./dom.js";
import { call } from "./server.js";
import { moment, money } from "./words.js";

export const title = "Money";
const SHOWN = 200;
const DAYS = 14;

export function mount(main) {
  const books = h("div", {});
  const chart = h("div", {});
  const entries = h("div", {});
  const windows = h("div", {});
  const amount = h("input", { name: "amount", inputmode: "decimal", value: "10", required: true });
  const balance = h("input", { name: "balance", inputmode: "decimal", value: "100", required: true });
  const limits = ["image_rpm", "video_rpm", "concurrent", "rate_window"].map((name) => h("input", { name, type: "number", min: 1 }));
  main.append(h("h1", {}, title),
    h("section", {}, books,
      form("Top up", field("Amount in USD", amount), "Top up", async () => { await call("POST", "ledger/top-up", { amount: amount.value }); say("Topped up."); await refresh(); }),
      form("Set the balance", field("Balance in USD", balance), "Set", async () => { await call("PUT", "ledger", { balance: balance.value }); say("The balance is set."); await refresh(); })),
    h("section", {}, h("h2", {}, "Costs by day"), chart),
    h("section", {}, h("h2", {}, "Rate limits"), windows,
      form("Rate limits", limits.map((each) => field(each.name, each)), "Change", async () => {
        const given = Object.fromEntries(limits.filter((each) => each.value).map((each) => [each.name, Number(each.value)]));
        await call("PUT", "limits", given);
        say("The limits are changed.");
        await refresh();
      })),
    h("section", {}, h("h2", {}, "Entries"), entries));

  async function refresh() {
    const told = await call("GET", "ledger");
    books.replaceChildren(pairs([["balance", money(told.balance)], ["held", money(told.held)], ["charged", money(told.charged)], ["credited", money(told.credited)]]));
    chart.replaceChildren(draw(Object.entries(told.costs).slice(-DAYS)));
    const last = told.entries.slice(-SHOWN).reverse();
    entries.replaceChildren(h("p", { class: "soft" }, `${last.length} of ${told.entries.length}, newest first`), table("Entries", ["time", "what", "USD", "generation"], last.map((each) => [moment(each.at), each.what, each.amount, each.generation ?? ""]), [2]));
    const held = await call("GET", "limits");
    windows.replaceChildren(pairs([
      ["images", `${held.remaining.image} of ${held.image_rpm} left in this window`], ["videos", `${held.remaining.video} of ${held.video_rpm} left in this window`],
      ["generations at the same time", `at most ${held.concurrent}`], ["window", `${held.rate_window} s`],
    ]));
  }

  return { refresh };
}

function draw(costs) {
  if (!costs.length) return h("p", { class: "soft" }, "Nothing was charged yet.");
  const most = Math.max(...costs.map(([, cost]) => Number(cost)), 0.000001);
  const width = 700;
  const step = width / Math.max(costs.length, 4);
  const bars = costs.flatMap(([day, cost], index) => {
    const tall = Math.max(1, (Number(cost) / most) * 90);
    const middle = index * step + step / 2;
    return [svg("rect", { x: index * step + 6, y: 110 - tall, width: Math.max(4, step - 12), height: tall }), svg("text", { x: middle, y: 125, "text-anchor": "middle" }, day.slice(5)), svg("text", { x: middle, y: 105 - tall, "text-anchor": "middle" }, cost)];
  });
  return h("div", {}, svg("svg", { class: "chart", viewBox: `0 0 ${width} 140`, role: "img", "aria-label": `Costs by day: ${costs.map(([day, cost]) => `${day} ${cost} USD`).join(", ")}` }, ...bars));
}
