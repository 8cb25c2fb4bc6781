/** Requests to the control surface of a fake, in real time whatever happens to the timers. */

import http from "node:http";
import https from "node:https";

const agents = {
  "http:": new http.Agent({ keepAlive: true }),
  "https:": new https.Agent({ keepAlive: true }),
};

/** Whether a `ClientRequest` was sent by this module. */
export function isOwnRequest(request) {
  return request.agent === agents["http:"] || request.agent === agents["https:"];
}

/** A command was refused, or the fake did not answer; `status` and `code` say which. */
export class GetimgMockError extends Error {
  constructor(message, { status = 0, code = "", cause } = {}) {
    super(message, { cause });
    this.name = "GetimgMockError";
    this.status = status;
    this.code = code;
  }
}

/** Sends commands for one key. */
export class ControlClient {
  constructor(url, key, { token, timeout = 30_000 } = {}) {
    this.url = url.replace(/\/+$/, "");
    this.key = key;
    this.token = token;
    this.timeout = timeout;
  }

  /** Send a command, and return the JSON of its answer; throws `GetimgMockError`. */
  async send(method, path, values = {}) {
    const answer = await this.#exchange(method, path, values);
    let body;
    try {
      body = JSON.parse(answer.text);
    } catch {
      throw new GetimgMockError(
        `The server at ${this.url} is not getimg-mock (it answered ${answer.status}).`,
        { status: answer.status },
      );
    }
    if (answer.status >= 400) {
      const { message = answer.text, code = "" } = body.error ?? {};
      throw new GetimgMockError(message, { status: answer.status, code });
    }
    return body;
  }

  #exchange(method, path, values) {
    const url = new URL(`${this.url}/__mock__/${path.replace(/^\/+/, "")}`);
    const headers = { authorization: `Bearer ${this.key}` };
    if (this.token) headers["x-mock-token"] = this.token;
    let body;
    if (method === "GET") {
      for (const [name, value] of Object.entries(values))
        if (value !== undefined) url.searchParams.append(name, String(value));
    } else {
      body = JSON.stringify(values);
      headers["content-type"] = "application/json";
      headers["content-length"] = Buffer.byteLength(body);
    }
    const { request } = url.protocol === "https:" ? https : http;
    return new Promise((resolve, reject) => {
      const failed = (cause) =>
        reject(new GetimgMockError(`No answer from getimg-mock at ${this.url}: ${cause.message}`, { cause }));
      const sent = request(url, { method, headers, agent: agents[url.protocol] }, (response) => {
        const parts = [];
        response.on("data", (part) => parts.push(part));
        response.on("error", failed);
        response.on("end", () =>
          resolve({ status: response.statusCode, text: Buffer.concat(parts).toString("utf8") }),
        );
      });
      sent.setTimeout(this.timeout, () => sent.destroy(new Error(`nothing came in ${this.timeout} ms`)));
      sent.on("error", failed);
      sent.end(body);
    });
  }
}
