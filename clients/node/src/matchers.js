/** Matchers for `expect(workspace)` of Vitest and Jest. Each is asynchronous: write `await expect(mock)...`. */

/** Compare two decimals exactly: 0.1 and "0.100" are equal, as money is. */
export function sameAmount(one, other) {
  return normalize(one) === normalize(other);
}

function normalize(value) {
  const found = /^(-?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(String(value).trim());
  if (!found || (!found[2] && !found[3] && !/\d/.test(String(value))))
    throw new TypeError(`'${value}' is not an amount. Write it as a decimal, such as "0.12".`);
  const digits = `${found[2] || "0"}${found[3] ? `.${found[3]}` : ""}`;
  return digits === "0" ? "0" : `${found[1]}${digits}`;
}

export const matchers = {
  /** The workspace was charged this amount in all, in US dollars. */
  async toHaveCharged(workspace, amount) {
    const { charged, entries } = await workspace.ledger.get();
    const made = entries.filter((each) => each.what === "charge");
    return {
      pass: sameAmount(charged, amount),
      message: () =>
        `Expected ${this.isNot ? "anything but " : ""}${amount} USD to be charged, but it was ${charged} USD` +
        made.map((each) => `\n  ${each.amount}  ${each.generation}  ${each.at}`).join(""),
    };
  },

  /** The workspace has had `count` requests that match `criteria`, such as { operation: "images.generate" }. */
  async toHaveRequested(workspace, criteria = {}, count = undefined) {
    const found = await workspace.journal.list(criteria);
    const wanted = count === undefined ? "at least one request" : `${count} requests`;
    return {
      pass: count === undefined ? found.length > 0 : found.length === count,
      message: () =>
        `Expected ${wanted} of ${JSON.stringify(criteria)}, but there were ${found.length}` +
        found.map((each) => `\n  ${each.request.method} ${each.request.path} ${each.response.status}`).join(""),
    };
  },

  /** The client contract finds nothing wrong with the requests so far. */
  async toKeepTheContract(workspace) {
    const verdict = await workspace.verdict();
    const failed = verdict.findings ?? [];
    return {
      pass: verdict.judged > 0 && failed.length === 0,
      message: () =>
        verdict.judged === 0
          ? `Nothing could be judged: ${verdict.reason ?? "no request was sent"}`
          : `The client contract found:${failed.map((each) => `\n  ${JSON.stringify(each)}`).join("")}`,
    };
  },
};
