// A capture loop that reads packets from an add-on (ADDON) and never ends its turn: `node starved.js [TURN_EVERY_S]`.
// With a number the loop lets the event loop turn each so many seconds: finalizers, which return slots, run only then.
"use strict";
const { take } = require(process.env.ADDON);
const EVERY_MS = 1;
const turnEveryMs = Number(process.argv[2] ?? Infinity) * 1000;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

function capture() {
  for (const began = performance.now(); performance.now() - began < turnEveryMs;) {
    new Uint8Array(take())[0] += 1;
    // Garbage enough for V8 to collect, young and old.
    for (let i = 0; i < 20; i++) new Array(1000).fill(i);
    Atomics.wait(sleeper, 0, 0, EVERY_MS);
  }
  setTimeout(capture, 20);
}
setTimeout(capture, 200);
