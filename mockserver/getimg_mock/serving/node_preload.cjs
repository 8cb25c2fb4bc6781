// Loaded by --require in each Node process of `getimg-mock run`: fetch, axios, https and http2 of
// Node 20 ignore HTTPS_PROXY, so connections to the API's hosts are led to the fake here.
"use strict";
const net = require("node:net");
const tls = require("node:tls");

const RUN = {/* filled in for each run */};
const loopback = /^(localhost|127\.[0-9.]+|::1|\[::1\]|0\.0\.0\.0)$/i;
const nameOf = (host) => String(host || "").toLowerCase().replace(/\.$/, "");

const connect = tls.connect;
tls.connect = function (...given) {
  const options = given.find((each) => each !== null && typeof each === "object");
  const byPort = typeof given[0] === "number" || typeof given[0] === "string";
  const host = nameOf((options && options.host) || (byPort && typeof given[1] === "string" && given[1]) || (options && options.servername));
  if (!RUN.hosts.includes(host) || (options && options.socket)) return connect.apply(this, given);
  const callback = given.find((each) => typeof each === "function");
  const moved = { servername: host, ...options, host: RUN.address, port: RUN.port, path: undefined };
  return connect.call(this, moved, callback);
};

if (RUN.isolated) {
  const open = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...given) {
    const first = Array.isArray(given[0]) ? given[0][0] : given[0];
    const options = typeof first === "object" && first !== null ? first : { host: typeof given[1] === "string" ? given[1] : "localhost" };
    const host = options.path ? "localhost" : options.host || "localhost";
    if (loopback.test(host)) return open.apply(this, given);
    const error = new Error(`getimg-mock: ${host} is not reachable with --isolated`);
    error.code = "ECONNREFUSED";
    process.nextTick(() => this.destroy(error));
    return this;
  };
}
