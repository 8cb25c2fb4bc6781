// All workspaces, requests that reached none, and a workspace as a whole.

import { button, confirmed, field, form, h, save, say, showTable } from "./dom.js";
import { call, nameWorkspace, state } from "./server.js";
import { moment, money } from "./words.js";

export const title = "Workspaces";

export function mount(main, { choose, loadWorkspaces }) {
  const list = h("div", {});
  const noList = h("p", { class: "soft" }, "No client has sent a request with a valid key yet.");
  const unassigned = h("div", {});
  const noUnassigned = h("p", { class: "soft" }, "None: every request had a valid key and a known path.");
  const file = h("input", { type: "file", name: "file", accept: "application/json,.json", required: true });
  const key = h("input", { name: "key", required: true, autocomplete: "off", placeholder: "sk_copy" });
  const whole = h("section", {}, h("h2", {}, "The selected workspace"),
    h("div", { class: "row" }, button("Download a snapshot", async () => save("snapshot.json", new Blob([JSON.stringify((await call("GET", "snapshot")).state, null, 1)], { type: "application/json" }))),
      button("Reset", async () => {
        if (!(await confirmed("Replace this workspace by an empty one? Its generations, money and rules are lost.", "Reset"))) return;
        await call("POST", "reset");
        say("The workspace is empty.");
        await refresh();
      }, { class: "danger" })),
    form("Restore", field("A snapshot", file), "Restore", async () => {
      const state_ = JSON.parse(await file.files[0].text());
      if (!(await confirmed("Replace the state of this workspace by that of the snapshot?", "Restore"))) return;
      await call("POST", "restore", { state: state_ });
      say("The snapshot is restored.");
      await refresh();
    }),
    form("Fork", field("Copy to the key", key), "Fork", async () => {
      if (!(await confirmed("Copy this workspace, replacing what that key has?", "Fork"))) return;
      await call("POST", "fork", { key: key.value });
      key.value = "";
      say("Copied.");
      await loadWorkspaces();
      await refresh();
    }));
  main.append(h("h1", {}, title), h("section", {}, list, noList), whole, h("section", {}, h("h2", {}, "Requests that reached no workspace"), unassigned, noUnassigned));

  async function refresh() {
    await loadWorkspaces();
    whole.hidden = !state.id;
    showWorkspaces();
    showUnassigned();
  }

  function showWorkspaces() {
    const found = state.workspaces;
    list.hidden = !found.length;
    noList.hidden = found.length > 0;
    showTable(list, "Workspaces", ["key", "last used", "clock", "rate", "balance", "pending", "completed", "failed", "exchanges", "rules", ""], found.map((each) => [
      nameWorkspace(each), moment(each.last_used), moment(each.now), each.rate ? `x${each.rate}` : "frozen", money(each.balance), each.generations.pending, each.generations.completed, each.generations.failed, each.exchanges, each.rules,
      each.id === state.id ? "selected" : button("Select", async () => { choose(each.id); await refresh(); }, { "aria-label": `Select ${nameWorkspace(each)}` })]), { numeric: [3, 4, 5, 6, 7, 8, 9], keys: found.map((each) => each.id) });
  }

  function showUnassigned() {
    const found = state.unassigned.slice().reverse();
    unassigned.hidden = !found.length;
    noUnassigned.hidden = found.length > 0;
    showTable(unassigned, "Requests without a workspace", ["time", "request", "Authorization", "status", "error", "hint"], found.map((each) => [moment(each.wall), h("bdi", {}, `${each.method} ${each.path}`), each.authorization ?? "none", each.status, each.error ? `${each.error.code}: ${each.error.message}` : "", each.hint ?? ""]), { wide: [1, 4, 5], keys: found.map((each) => each.number) });
  }

  return { refresh };
}

