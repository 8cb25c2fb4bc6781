// node_client.mjs fetch|axios|https: a program with the API's address written in it.
import https from "node:https";

const API = "https://api.getimg.ai/v2";
const headers = { Authorization: `Bearer ${process.env.GETIMG_API_KEY}`, "Content-Type": "application/json" };

const senders = {
  async fetch(method, url, sent, body) {
    const answer = await fetch(url, { method, headers: sent, body });
    return [answer.status, Buffer.from(await answer.arrayBuffer())];
  },
  async axios(method, url, sent, data) {
    const { default: axios } = await import("axios");
    const answer = await axios({ method, url, headers: sent, data, responseType: "arraybuffer" });
    return [answer.status, Buffer.from(answer.data)];
  },
  https(method, url, sent, body) {
    return new Promise((resolve, reject) => {
      const request = https.request(url, { method, headers: sent }, (answer) => {
        const parts = [];
        answer.on("data", (part) => parts.push(part));
        answer.on("end", () => resolve([answer.statusCode, Buffer.concat(parts)]));
      });
      request.on("error", reject);
      request.end(body);
    });
  },
};
const send = senders[process.argv[2]];
const submit = async (path, fields, more = {}) =>
  JSON.parse((await send("POST", API + path, { ...headers, ...more }, JSON.stringify(fields)))[1]);
const show = async (what, url) => console.log(what, (await send("GET", url, {}))[1].length);

const image = { model: "seedream-5-lite", prompt: "A lighthouse" };
const failure = await submit("/images/generations", image, { "X-Mock-Behaviour": "fault=reset after_commit" }).then(() => "answered", () => "lost");
console.log(failure);
await show("picture", (await submit("/images/generations", image)).data[0].url);
const video = await submit("/videos/generations", { model: "seedance-v1-5-pro", prompt: "Waves" });
await show("video", JSON.parse((await send("GET", `${API}/videos/generations/${video.id}`, headers))[1]).data[0].url);
