// Prints what a program can see of its own process, and ends as its argument says.
"use strict";
const { Worker, isMainThread } = require("worker_threads");
const how = process.argv[2];

console.log(
  Object.getOwnPropertyNames(globalThis).sort().join(),
  process.eventNames().map(String).sort().join(),
  process.execArgv.join(),
  Object.keys(require.cache).map((path) => require("path").basename(path)).join(),
  process.getActiveResourcesInfo().join(),
  typeof gc,
  require("vm").runInNewContext("typeof gc"),
);

const ends = {
  ends: () => {},
  code: () => { process.exitCode = 3; },
  exits: () => setTimeout(() => process.exit(4), 50),
  throws: () => setTimeout(() => { throw new Error("its own"); }, 50),
  rejects: () => Promise.reject(new Error("its own")),
  works: () => {
    if (!isMainThread) return void setTimeout(() => console.log("worked"), 50);
    new Worker(__filename, { argv: ["works"] }).on("exit", (code) => console.log("worker", code));
  },
  closes: () => {
    // Every descriptor that it did not open itself.
    const fs = require("fs");
    for (let file = 3; file < 64; ++file) {
      try {
        if (fs.fstatSync(file).isFile()) fs.closeSync(file);
      } catch (error) { /* is not open */ }
    }
    const own = fs.openSync(process.env.OWN_FILE, "w+");
    setTimeout(() => console.log(fs.fstatSync(own).size), 400);
  },
};
ends[how]();
