// Builds elements. Every text from outside becomes a text node: nothing here parses markup.

export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in PROPERTIES) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}

const PROPERTIES = { value: 1, checked: 1, disabled: 1, max: 1, textContent: 1, htmlFor: 1 };

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function say(text) {
  const line = h("p", {}, text);
  document.getElementById("messages").append(line);
  setTimeout(() => line.remove(), 8000);
}

// Runs what a button does; an error is shown as the server words it.
export function act(button, work) {
  return async (event) => {
    event?.preventDefault();
    if (button) button.disabled = true;
    try {
      return await work();
    } catch (error) {
      say(error.message);
      return undefined;
    } finally {
      if (button) button.disabled = false;
    }
  };
}

export function button(text, work, attributes = {}) {
  const element = h("button", { type: "button", ...attributes }, text);
  element.addEventListener("click", (event) => act(element, work)(event));
  return element;
}

export function form(title, fields, submit, work) {
  const send = h("button", { type: "submit", class: "main" }, submit);
  const element = h("form", { class: "row", "aria-label": title }, fields, send);
  element.addEventListener("submit", act(send, () => work(new FormData(element), element)));
  return element;
}

export function field(label, control) {
  return h("label", {}, label, control);
}

export function select(name, options, attributes = {}) {
  return h("select", { name, ...attributes }, options.map((each) => option(each)));
}

export function option(each) {
  const [value, text] = Array.isArray(each) ? each : [each, each];
  return h("option", { value }, text);
}

export function pairs(entries) {
  return h("dl", { class: "pairs" }, entries.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

export function table(caption, heads, rows, numeric = []) {
  const cell = (tag, each, index) => h(tag, { class: numeric.includes(index) ? "number" : null, scope: tag === "th" ? "col" : null }, each);
  const shown = heads.map((each) => each || h("span", { class: "hidden" }, "action"));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption }, h("table", { "aria-label": caption }, h("thead", {}, h("tr", {}, shown.map((each, index) => cell("th", each, index)))), h("tbody", {}, rows.map((row) => h("tr", {}, row.map((each, index) => cell("td", each ?? "", index)))))));
}

export function dialog(title, body, onclose) {
  const close = h("button", { type: "button", onclick: () => element.close() }, "Close");
  const element = h("dialog", { "aria-label": title }, h("div", { class: "row" }, h("h2", {}, title), close), body);
  element.addEventListener("close", () => {
    element.remove();
    onclose?.();
  });
  document.body.append(element);
  element.showModal();
  return element;
}

export function confirmed(question, verb) {
  return new Promise((resolve) => {
    let answer = false;
    const yes = h("button", { type: "button", class: "danger", onclick: () => { answer = true; shown.close(); } }, verb);
    const shown = dialog("Please confirm", h("div", {}, h("p", {}, question), yes), () => resolve(answer));
  });
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch {
    dialog("Copy this", h("pre", { tabindex: 0 }, text));
  }
}

export function save(name, blob) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
