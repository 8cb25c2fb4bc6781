// The control surface: the one way by which this page reads and changes anything.

const BASE = new URL(".", location.href);

export const state = { id: null, workspace: null, seen: 0, workspaces: [], unassigned: [] };

export function address(path) {
  return new URL(path.replace(/^\//, ""), BASE);
}

export function apiAddress(path) {
  return new URL(`..${path}`, BASE).href;
}

export class CallError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export async function call(method, path, payload = {}) {
  const answer = await send(method, path, payload);
  return answer.json();
}

export async function fetchBlob(path, payload = {}) {
  return (await send("GET", path, payload)).blob();
}

async function send(method, path, payload) {
  const url = address(path);
  const options = { method, headers: {} };
  if (state.id) options.headers["X-Mock-Workspace"] = state.id;
  if (method === "GET") {
    for (const [name, value] of Object.entries(payload)) if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  } else {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(payload);
  }
  let answer;
  try {
    answer = await fetch(url, options);
  } catch {
    throw new CallError(0, "unreachable", "The server does not answer. Is getimg-mock still running?");
  }
  if (!answer.ok) {
    const told = (await answer.json().catch(() => null))?.error ?? {};
    throw new CallError(answer.status, told.code, told.message ?? `The server answered ${answer.status}.`);
  }
  return answer;
}

export function fileAddress(generation, kind) {
  const url = address(`generations/${encodeURIComponent(generation)}/${kind}`);
  url.searchParams.set("workspace", state.id);
  return url.href;
}

// The shortened key; where several are the same, with the beginning of the workspace's id.
export function nameWorkspace(workspace) {
  const same = state.workspaces.filter((each) => each.key === workspace.key);
  return same.length > 1 ? `${workspace.key} (${workspace.id.slice(0, 4)})` : workspace.key;
}

// The time of the workspace's clock, which this page continues at its rate between two events.
export function now() {
  if (!state.workspace) return null;
  const passed = performance.now() - state.seen;
  return new Date(Date.parse(state.workspace.now) + passed * state.workspace.rate);
}

export function accept(workspace) {
  state.workspace = workspace;
  state.seen = performance.now();
}
