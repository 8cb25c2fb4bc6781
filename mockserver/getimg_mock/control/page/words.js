// How values are written for people.

export function moment(value) {
  if (!value) return "";
  const text = (value instanceof Date ? value : new Date(value)).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)}`;
}

export function money(value) {
  return value === null || value === undefined ? "" : `${value} USD`;
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

export function curl(method, url, body) {
  const lines = [`curl -s ${quote(url)} \\`, `  -H "Authorization: Bearer $GETIMG_API_KEY"`];
  if (method !== "GET") lines[0] = `curl -s -X ${method} ${quote(url)} \\`;
  if (body) {
    lines[lines.length - 1] += " \\";
    lines.push(`  -H "Content-Type: application/json" \\`, `  -d ${quote(body)}`);
  }
  return lines.join("\n");
}

export function python(value) {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${python(each)}`).join(", ")}}`;
  return JSON.stringify(value);
}

export function sdk(kind, body) {
  const call = kind === "video" ? "videos.create" : "images.generate";
  const fields = Object.entries(body).map(([name, value]) => `    ${name}=${python(value)},`);
  return ["from getimg import GetimgAI", "", "client = GetimgAI()", `result = client.${call}(`, ...fields, ")"].join("\n");
}

export function toml(rule) {
  const write = (value) => Array.isArray(value) ? `[${value.map(write).join(", ")}]` : typeof value === "object" ? `{ ${Object.entries(value).map(([name, each]) => `${name} = ${write(each)}`).join(", ")} }` : JSON.stringify(value);
  return ["[[rules]]", ...Object.entries(rule).map(([name, value]) => `${name} = ${write(value)}`)].join("\n");
}
