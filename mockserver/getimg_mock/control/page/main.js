// Starts the page: chooses the workspace and the view, and follows the changes of the server.

import { act, field, form, h, reconcile, say } from "./dom.js";
import { accept, address, call, nameWorkspace, now, state } from "./server.js";
import { moment, money } from "./words.js";
import * as clock from "./clock.js";
import * as gallery from "./gallery.js";
import * as models from "./models.js";
import * as moneyView from "./money.js";
import * as scenarios from "./scenarios.js";
import * as timeline from "./timeline.js";
import * as workspaces from "./workspaces.js";

const VIEWS = { gallery, timeline, clock, scenarios, money: moneyView, models, workspaces };
const main = document.getElementById("main");
const chooser = document.getElementById("workspace");
const connection = document.getElementById("connection");

let stream = null;
let retry = null;
let view = null;
let refreshing = null;
let again = false;
let signedOut = false;

function currentName() {
  const name = location.hash.slice(1).split("/")[0];
  return name in VIEWS ? name : "gallery";
}

function showTabs() {
  document.getElementById("views").replaceChildren(...Object.entries(VIEWS).map(([name, each]) =>
    h("li", {}, h("a", { href: `#${name}`, "aria-current": name === currentName() ? "page" : null }, each.title))));
}

function mount() {
  showTabs();
  if (signedOut) return;
  const chosen = VIEWS[currentName()];
  document.title = `${chosen.title} - getimg-mock`;
  main.replaceChildren();
  view = null;
  if (!state.id && chosen !== workspaces) {
    main.append(h("section", {}, h("h1", {}, "No workspace yet"), h("p", {}, "Each API key has a workspace. It appears here with the first request of a client:"),
      h("pre", { tabindex: 0 }, `export GETIMG_AI_BASE_URL=${new URL("..", address("")).href.replace(/\/$/, "")}\nexport GETIMG_API_KEY=sk_mock_example`)));
    return;
  }
  view = chosen.mount(main, { choose, loadWorkspaces });
  refresh();
}

// One refresh at a time; changes meanwhile cause one more.
async function refresh() {
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  try {
    do {
      again = false;
      await view?.refresh?.();
    } while (again);
  } catch (error) {
    if (error.status !== 404) say(error.message);
  } finally {
    refreshing = false;
  }
}

function showFacts() {
  const time = now();
  const rate = state.workspace?.rate;
  const pace = rate === 0 ? " (frozen)" : rate && rate !== 1 ? ` (x${rate})` : "";
  document.getElementById("clock").textContent = time ? `${moment(time)} UTC${pace}` : "-";
  document.getElementById("balance").textContent = state.workspace ? money(state.workspace.balance) : "-";
  view?.tick?.();
}

async function loadWorkspaces() {
  const answer = await call("GET", "workspaces");
  state.workspaces = answer.workspaces;
  state.unassigned = answer.unassigned;
  const options = answer.workspaces.map((each) => h("option", { value: each.id, "data-key": each.id }, nameWorkspace(each)));
  reconcile(chooser, options.length ? options : [h("option", { value: "", "data-key": "" }, "none yet")]);
  const known = answer.workspaces.some((each) => each.id === state.id);
  if (!known) choose(answer.workspaces[0]?.id ?? null);
  chooser.value = state.id ?? "";
}

function choose(id) {
  if (id === state.id) return;
  state.id = id;
  state.workspace = null;
  if (id) sessionStorage.setItem("workspace", id);
  chooser.value = id ?? "";
  follow();
  mount();
}

function follow() {
  stream?.close();
  clearTimeout(retry);
  const url = address("changes");
  if (state.id) url.searchParams.set("workspace", state.id);
  stream = new EventSource(url);
  stream.addEventListener("open", () => { connection.textContent = "Live"; });
  stream.addEventListener("change", (event) => received(JSON.parse(event.data)));
  stream.addEventListener("error", () => {
    connection.textContent = "Reconnecting";
    // A browser gives up after a refusal: that of a restarting proxy, or of a server that was
    // restarted with another control token, which is then asked for.
    if (stream.readyState === EventSource.CLOSED) retry = setTimeout(start, 2000);
  });
}

async function received(told) {
  connection.textContent = "Live";
  if (signedOut) return;
  if (told.workspace && told.workspace.id === state.id) accept(told.workspace);
  const lost = state.id && !told.workspace;
  if (lost || !state.id || told.workspaces !== state.workspaces.length || currentName() === "workspaces") {
    await loadWorkspaces().catch((error) => say(error.message));
  }
  showFacts();
  refresh();
}

function signIn() {
  signedOut = true;
  view = null;
  const token = h("input", { type: "password", name: "token", required: true, autocomplete: "off" });
  main.replaceChildren(h("section", {}, h("h1", {}, "Control token"), h("p", {}, "This server can be reached from other machines. Enter the control token that it printed when it started."),
    form("Control token", field("Token", token), "Sign in", async () => {
      await call("POST", "session", { token: token.value });
      signedOut = false;
      await start();
    })));
  token.focus();
}

async function start() {
  state.id = sessionStorage.getItem("workspace");
  try {
    await loadWorkspaces();
  } catch (error) {
    if (error.status === 401 || error.status === 403) {
      connection.textContent = "Signed out";
      signIn();
      return;
    }
    connection.textContent = "Reconnecting";
    retry = setTimeout(start, 2000);
    return;
  }
  follow();
  mount();
}

chooser.addEventListener("change", act(null, async () => choose(chooser.value)));
// A browser opens few connections to one server: a tab that is not seen keeps none.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) stream?.close();
  else if (stream?.readyState === EventSource.CLOSED) follow();
});
addEventListener("hashchange", () => { mount(); main.focus(); });
setInterval(showFacts, 500);
showTabs();
start();
