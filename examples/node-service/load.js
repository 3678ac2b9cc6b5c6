// Load for service.js: `node load.js [--port 8086] [--rate REQUESTS_A_SECOND] [--seconds N]`.
// At a rate it sends requests on time, whatever the answers take; without one, eight at once as fast as they come.
// At its end it prints how many were answered a second. It fails if one was not answered rightly.
"use strict";
const http = require("node:http");
const { parseArgs } = require("node:util");

const CONNECTIONS = 8;
const options = { port: { type: "string" }, rate: { type: "string" }, seconds: { type: "string" } };
const { values } = parseArgs({ options });
const port = Number(values.port ?? 8086), rate = Number(values.rate ?? 0), seconds = Number(values.seconds ?? Infinity);

const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
const began = performance.now();
let sent = 0, answered = 0, over = false;

function one(done) {
  ask(sent++ % 2000, done);
}

function ask(id, done) {
  const isPost = id % 3 === 0;
  const body = isPost ? JSON.stringify({ id, text: "x".repeat(500), values: Array(50).fill(id) }) : undefined;
  const request = http.request({ port, host: "127.0.0.1", agent, path: `/items/${id}`, method: isPost ? "POST" : "GET" });
  // A server closes a connection that rests; a request may be on its way in it already, and is sent again.
  request.on("error", (error) => (request.reusedSocket && error.code === "ECONNRESET" ? ask(id, done) : fail(error)));
  request.on("response", (response) => {
    const parts = [];
    response.on("data", (part) => parts.push(part));
    response.on("end", () => {
      if (JSON.parse(Buffer.concat(parts).toString()).id !== id) fail(new Error(`${id}: the answer is another's`));
      answered += 1;
      done();
    });
  });
  request.end(body);
}

function fail(error) {
  if (over) return;
  console.error(error.message);
  process.exit(1);
}

function end() {
  over = true;
  console.log((answered / ((performance.now() - began) / 1000)).toFixed(1));
  process.exit();
}

function again() {
  if (!over) one(again);
}

if (rate) {
  setInterval(() => {
    while (sent < (performance.now() - began) / 1000 * rate) one(() => {});
  }, 10);
} else {
  for (let connection = 0; connection < CONNECTIONS; ++connection) again();
}
if (seconds < Infinity) setTimeout(end, seconds * 1000);
process.on("SIGTERM", end);
