// Event loops: with one worker thread that turns, one that computes for ever, and one that ends soon; with one whose
// environment is its own; or blocked.
"use strict";
const { Worker, isMainThread, workerData } = require("worker_threads");

function block(ms) {
  for (const until = Date.now() + ms; Date.now() < until;);
}

if (!isMainThread) {
  if (workerData === "computes") block(1e9);
  setInterval(() => { if (workerData === "ends") process.exit(); }, 200);
} else if (process.argv[2] === "threads") {
  for (const what of ["turns", "computes", "ends"]) new Worker(__filename, { workerData: what });
} else if (process.argv[2] === "own-env") {
  new Worker(__filename, { workerData: "turns", env: {} });
} else if (process.argv[2] === "blocked") {
  setTimeout(() => block(1e9), 300);
} else {
  setInterval(() => block(40), 100);
}
