// The money of a workspace, and its rate limits.

import { field, form, h, pairs, say, showTable, svg } from "./dom.js";
import { call } from "./server.js";
import { amount as decimal, count, moment, money } from "./words.js";

export const title = "Money";
const SHOWN = 200;
const DAYS = 14;
const LIMITS = { image_rpm: "Images a window", video_rpm: "Videos a window", concurrent: "At the same time", rate_window: "Seconds of a window" };

export function mount(main) {
  const books = h("div", {});
  const chart = h("div", {});
  const shown = h("p", { class: "soft" });
  const entries = h("div", {});
  const windows = h("div", {});
  const amount = h("input", { name: "amount", inputmode: "decimal", value: "10", required: true });
  const balance = h("input", { name: "balance", inputmode: "decimal", value: "100", required: true });
  const limits = Object.keys(LIMITS).map((name) => h("input", { name, type: "number", min: 1 }));
  main.append(h("h1", {}, title),
    h("section", {}, books,
      form("Top up", field("Amount in USD", amount), "Top up", async () => { await call("POST", "ledger/top-up", { amount: amount.value }); say("Topped up."); await refresh(); }),
      form("Set the balance", field("Balance in USD", balance), "Set", async () => { await call("PUT", "ledger", { balance: balance.value }); say("The balance is set."); await refresh(); })),
    h("section", {}, h("h2", {}, "Costs by day"), chart),
    h("section", {}, h("h2", {}, "Rate limits"), windows,
      form("Rate limits", limits.map((each) => field(`${LIMITS[each.name]} (${each.name})`, each)), "Change", async () => {
        const given = Object.fromEntries(limits.filter((each) => each.value).map((each) => [each.name, Number(each.value)]));
        await call("PUT", "limits", given);
        say("The limits are changed.");
        await refresh();
      })),
    h("section", {}, h("h2", {}, "Entries"), shown, entries));

  async function refresh() {
    const told = await call("GET", "ledger", { last: SHOWN });
    books.replaceChildren(pairs([["balance", money(told.balance)], ["held", money(told.held)], ["charged", money(told.charged)], ["credited", money(told.credited)]]));
    chart.replaceChildren(draw(Object.entries(told.costs).slice(-DAYS)));
    const last = told.entries.reverse();
    shown.textContent = `${last.length} of ${told.total}, newest first`;
    showTable(entries, "Entries", ["time", "what", "USD", "generation"], last.map((each) => [moment(each.at), each.what, decimal(each.amount), each.generation ?? ""]), { numeric: [2], keys: last.map((_, index) => told.total - index) });
    const held = await call("GET", "limits");
    windows.replaceChildren(pairs([
      ["images", `${count(held.remaining.image)} of ${count(held.image_rpm)} left in this window`], ["videos", `${count(held.remaining.video)} of ${count(held.video_rpm)} left in this window`],
      ["generations at the same time", `at most ${count(held.concurrent)}`], ["window", `${held.rate_window} s`],
    ]));
    for (const each of limits) each.placeholder = held[each.name];
  }

  return { refresh };
}

function draw(costs) {
  if (!costs.length) return h("p", { class: "soft" }, "Nothing was charged yet.");
  const most = Math.max(...costs.map(([, cost]) => Number(cost)), 0.000001);
  const width = 700;
  const step = width / DAYS;
  const bars = costs.flatMap(([day, cost], index) => {
    const tall = Math.max(1, (Number(cost) / most) * 90);
    const middle = index * step + step / 2;
    return [svg("rect", { x: index * step + 6, y: 110 - tall, width: Math.max(4, step - 12), height: tall }), svg("text", { x: middle, y: 125, "text-anchor": "middle" }, day.slice(5)), svg("text", { x: middle, y: 105 - tall, "text-anchor": "middle" }, decimal(cost))];
  });
  return h("div", {}, svg("svg", { class: "chart", viewBox: `0 0 ${width} 140`, preserveAspectRatio: "xMinYMid meet", role: "img", "aria-label": `Costs by day: ${costs.map(([day, cost]) => `${day} ${money(cost)}`).join(", ")}` }, ...bars));
}
