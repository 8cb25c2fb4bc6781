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

const MOST_MESSAGES = 4;

// Shows a message for some seconds; one that lasts stays until it is dismissed.
export function say(text, { lasting = false } = {}) {
  const place = document.getElementById("messages");
  for (const each of [...place.children]) if (each.dataset.text === text) each.remove();
  const line = h("p", { "data-text": text }, h("bdi", {}, text));
  if (lasting) line.append(" ", h("button", { type: "button", onclick: () => line.remove() }, "Dismiss"));
  else setTimeout(() => line.remove(), 8000);
  place.append(line);
  while (place.children.length > MOST_MESSAGES) place.firstElementChild.remove();
}

// Makes the children of a place those that are wanted. A child with the `data-key` of an equal one is
// kept: what has the focus, is being pressed or selected stays where it is while the server changes.
export function reconcile(place, wanted) {
  const old = new Map([...place.children].map((each) => [each.dataset.key, each]));
  const next = wanted.map((each) => {
    const kept = old.get(each.dataset.key);
    return kept?.isEqualNode(each) ? kept : each;
  });
  const focused = place.contains(document.activeElement) ? findFocus(place) : null;
  const staying = new Set(next);
  for (const each of [...place.children]) if (!staying.has(each)) each.remove();
  next.forEach((each, index) => {
    if (place.children[index] !== each) place.insertBefore(each, place.children[index] ?? null);
  });
  if (focused && !place.contains(document.activeElement)) restoreFocus(next, focused);
}

const FOCUSABLE = "button, a[href], input, select";

function findFocus(place) {
  const holder = [...place.children].find((each) => each.contains(document.activeElement));
  return holder && { key: holder.dataset.key, index: [...holder.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement) };
}

function restoreFocus(children, { key, index }) {
  const holder = children.find((each) => each.dataset.key === key);
  holder?.querySelectorAll(FOCUSABLE)[index]?.focus();
}

// Runs what a button does; an error is shown as the server words it.
export function act(button, work) {
  return async (event) => {
    event?.preventDefault();
    if (button) button.disabled = true;
    try {
      return await work();
    } catch (error) {
      say(error.message, { lasting: true });
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

// An error stays under the form until it is sent again.
export function form(title, fields, submit, work) {
  const send = h("button", { type: "submit", class: "main" }, submit);
  const problem = h("p", { class: "problem", role: "alert" });
  const element = h("form", { class: "row", "aria-label": title }, fields, send, problem);
  const attempt = async () => {
    problem.textContent = "";
    try {
      await work(new FormData(element), element);
    } catch (error) {
      problem.textContent = error.message;
    }
  };
  element.addEventListener("submit", act(send, attempt));
  return element;
}

export function field(label, control) {
  return h("label", {}, label, control);
}

export function select(name, options, attributes = {}) {
  const { value, ...others } = attributes;
  const element = h("select", { name, ...others }, options.map((each) => option(each)));
  if (value !== undefined) element.value = value;
  return element;
}

export function option(each) {
  const [value, text] = Array.isArray(each) ? each : [each, each];
  return h("option", { value }, text);
}

export function pairs(entries) {
  return h("dl", { class: "pairs" }, entries.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

// A table whose cells are stacked on a narrow screen; roles are given as stacked cells lose theirs.
// `numeric` and `wide` are the indexes of columns with numbers and with long texts.
export function table(caption, heads, rows, { numeric = [], wide = [], keys = null } = {}) {
  const name = (index) => numeric.includes(index) ? "number" : wide.includes(index) ? "wide" : null;
  const head = (each, index) => h("th", { class: name(index), scope: "col", role: "columnheader" }, each || h("span", { class: "hidden" }, "action"));
  const cell = (each, index) => h("td", { class: name(index), role: "cell", "data-label": heads[index] || null }, each === "" || each === null || each === undefined ? "" : h("div", {}, each));
  const row = (cells, index) => h("tr", { role: "row", "data-key": keys ? keys[index] : index }, cells.map(cell));
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h("table", { role: "table", "aria-label": caption }, h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, heads.map(head))), h("tbody", { role: "rowgroup" }, rows.map(row))));
}

// Shows a table in a place, and keeps the rows that are there already.
export function showTable(place, ...given) {
  const made = table(...given);
  const body = place.querySelector("tbody");
  if (body) reconcile(body, [...made.querySelector("tbody").children]);
  else place.replaceChildren(made);
}

export function dialog(title, body, onclose) {
  const close = h("button", { type: "button", onclick: () => element.close() }, "Close");
  const element = h("dialog", { "aria-label": title }, h("div", { class: "head" }, h("h2", {}, title), close), body);
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
