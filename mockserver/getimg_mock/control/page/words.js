// How values are written for people.

export function moment(value) {
  if (!value) return "";
  const text = (value instanceof Date ? value : new Date(value)).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)}`;
}

// An amount with two decimals, and with more only where they say something.
export function amount(value) {
  const [whole, part = ""] = String(value).split(".");
  return `${whole}.${part.replace(/0+$/, "").padEnd(2, "0")}`;
}

export function money(value) {
  return value === null || value === undefined ? "" : `${amount(value)} USD`;
}

export function count(value) {
  return Number(value).toLocaleString("en");
}

export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const found = [];
  let left = whole;
  for (const [size, unit] of parts) {
    if (left >= size) found.push(`${Math.floor(left / size)} ${unit}`);
    left %= size;
  }
  return found.slice(0, 2).join(" ") || "0 s";
}

export function until(value, from) {
  return value ? (Date.parse(value) - from.getTime()) / 1000 : null;
}

export function quote(text) {
  return `'${String(text).replaceAll("'", `'\\''`)}'`;
}

// Headers that curl sends by itself, or that hold a key.
const OWN_HEADERS = /^(host|accept|accept-encoding|connection|content-length|transfer-encoding|user-agent|authorization|cookie|expect|te|x-api-key|x-mock-token)$/i;

export function curl(method, url, body, headers = [["Content-Type", "application/json"]]) {
  const lines = [method === "GET" ? `curl -s ${quote(url)}` : `curl -s -X ${method} ${quote(url)}`, `  -H "Authorization: Bearer $GETIMG_API_KEY"`];
  for (const [name, value] of headers) if (!OWN_HEADERS.test(name) && (body || !/^content-/i.test(name))) lines.push(`  -H ${quote(`${name}: ${value}`)}`);
  // --data-raw: curl would read a file for a body that begins with @.
  if (body) lines.push(`  --data-raw ${quote(body)}`);
  return lines.join(" \\\n");
}

export function python(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${python(each)}`).join(", ")}}`;
  return JSON.stringify(value);
}

const SDK_CALLS = { image: "images.generate", video: "videos.generations.create" };
const SDK_FIELDS = { image: ["model", "prompt", "aspect_ratio", "images", "output_format", "resolution"], video: ["model", "prompt", "aspect_ratio", "duration", "images", "resolution", "sound"] };

// Fields that the SDK has no parameter for go into `extra_body`.
export function sdk(kind, body) {
  const known = SDK_FIELDS[kind];
  const lines = Object.entries(body).filter(([name]) => known.includes(name)).map(([name, value]) => `    ${name}=${python(value)},`);
  const others = Object.fromEntries(Object.entries(body).filter(([name]) => !known.includes(name)));
  if (Object.keys(others).length) lines.push(`    extra_body=${python(others)},`);
  return ["from getimg import GetimgAI", "", "# Reads GETIMG_API_KEY and GETIMG_AI_BASE_URL from the environment.", "client = GetimgAI()", `result = client.${SDK_CALLS[kind]}(`, ...lines, ")"].join("\n");
}

export function toml(rule) {
  const write = (value) => Array.isArray(value) ? `[${value.map(write).join(", ")}]` : typeof value === "object" ? `{ ${Object.entries(value).map(([name, each]) => `${name} = ${write(each)}`).join(", ")} }` : JSON.stringify(value).replaceAll("\u007f", "\\u007f");
  return ["[[rules]]", ...Object.entries(rule).map(([name, value]) => `${name} = ${write(value)}`)].join("\n");
}
