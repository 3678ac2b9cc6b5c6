// A small web service as there are many: JSON in and out, a cache that is bounded, a hash, a body that is streamed.
// `node service.js [PORT]`; it ends at SIGTERM, once its requests are answered.
"use strict";
const crypto = require("node:crypto");
const http = require("node:http");

const MOST_ITEMS = 1000;
const items = new Map();

const server = http.createServer((request, response) => {
  const id = Number(request.url.split("/")[2]) || 0;
  if (request.method === "POST") {
    const parts = [];
    request.on("data", (part) => parts.push(part));
    request.on("end", () => answer(response, store(id, JSON.parse(Buffer.concat(parts).toString()))));
  } else {
    answer(response, items.get(id) ?? { id, missing: true });
  }
});

function store(id, body) {
  // The oldest goes: a Map keeps the order in which its keys came.
  items.delete(id);
  if (items.size >= MOST_ITEMS) items.delete(items.keys().next().value);
  const item = { id, body, hash: crypto.createHash("sha256").update(JSON.stringify(body)).digest("hex") };
  items.set(id, item);
  return item;
}

function answer(response, item) {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(item));
}

server.listen(Number(process.argv[2] ?? 8086), "127.0.0.1");
process.on("SIGTERM", () => {
  server.close();
  server.closeIdleConnections();
});
