// The catalogue with its prices, and a form that sends a request as a client would.

import { button, field, form, h, select, table } from "./dom.js";
import { call } from "./server.js";
import { openExchange } from "./timeline.js";
import { amount } from "./words.js";

export const title = "Models";

export function mount(main) {
  const catalogue = h("section", {});
  const place = h("section", {}, h("h2", {}, "Try one"));
  const answer = h("div", { role: "status" });
  let loaded = false;
  main.append(h("h1", {}, title), place, catalogue);

  async function refresh() {
    if (loaded) return;
    loaded = true;
    const { models } = await call("GET", "models");
    place.append(tryForm(models, answer), answer);
    catalogue.append(h("h2", {}, `${models.length} models`), table("Models", ["model", "type", "resolutions", "aspect ratios", "durations", "references", "prices in USD"], models.map((each) => [
      h("span", {}, each.id, h("div", { class: "soft" }, each.name)), each.type, each.supported_resolutions.join(", "), each.supported_aspect_ratios.join(", "), each.supported_durations.join(", "),
      Object.entries(each.supported_references ?? {}).map(([role, most]) => `${most} ${role.replaceAll("_", " ")}`).join(", "), (each.pricing?.rates ?? []).map((rate) => h("div", {}, priceOf(rate)))]), { wide: [3, 4, 5, 6] }));
  }

  return { refresh };
}

function priceOf(rate) {
  return `${amount(rate.unit_price)} per ${rate.billable_unit.replaceAll("_", " ")}${rate.resolution ? `, ${rate.resolution}` : ""}${rate.sound === "sound_on" ? ", with sound" : ""}`;
}

function tryForm(models, answer) {
  const model = select("model", models.map((each) => [each.id, `${each.name} (${each.type})`]));
  const prompt = h("textarea", { name: "prompt", rows: 2, cols: 40, required: true, value: "A lighthouse in a storm" });
  const more = h("div", { class: "row inner" });
  const chosen = () => models.find((each) => each.id === model.value);
  const offer = () => {
    const each = chosen();
    const any = (name, label, values) => values?.length ? field(label, select(name, [["", "default"], ...values])) : null;
    more.replaceChildren(...[
      any("aspect_ratio", "Aspect ratio", each.supported_aspect_ratios), any("resolution", "Resolution", each.supported_resolutions), any("duration", "Duration", each.supported_durations),
      each.type === "image" ? any("output_format", "Format", ["jpeg", "png", "webp"]) : null,
      each.supports_sound ? field("Sound", h("input", { type: "checkbox", name: "sound" })) : null,
    ].filter(Boolean));
  };
  model.addEventListener("change", offer);
  offer();
  return form("Try a model", [field("Model", model), field("Prompt", prompt), more], "Send", async (data) => {
    const kind = chosen().type;
    const body = { model: data.get("model"), prompt: data.get("prompt") };
    for (const name of ["aspect_ratio", "resolution", "output_format"]) if (data.get(name)) body[name] = data.get(name);
    if (data.get("duration")) body.duration = Number(data.get("duration"));
    if (data.get("sound")) body.sound = true;
    const told = await call("POST", "requests", { method: "POST", path: `/v2/${kind}s/generations`, body });
    const last = await call("GET", "journal/timeline", { last: 1, operation: `${kind}s.*` });
    const number = last.exchanges.at(-1)?.number;
    answer.replaceChildren(h("p", { class: told.status < 300 ? "good" : "bad" }, `Status ${told.status}`), h("pre", { tabindex: 0 }, told.json ? JSON.stringify(told.json, null, 2) : told.text ?? ""),
      number ? button(`Show exchange ${number}`, async () => openExchange(number)) : h("span", {}));
  });
}
