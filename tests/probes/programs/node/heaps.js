// A service of Node's that leaks, by its argument, and makes garbage: `node heaps.js objects 300 1000000`.
// The leak and the garbage are bytes a second. "addon" leaks in malloc, "foreign" in
// native memory under ArrayBuffers, through the add-on whose file stands in ADDON (native.c).
"use strict";
const [what = "nothing", leak = "0", garbage = "0"] = process.argv.slice(2);
const EVERY_MS = 10;
const kept = [], ring = [];
const began = performance.now();
let leaked = 0, made = 0, turns = 0;

// Bytes of V8's heap: an array of n doubles takes 8 n, and about 48 for itself and its place in `kept`.
function objects(bytes) {
  kept.push(new Array(Math.max(1, Math.round((bytes - 48) / 8))).fill(0.5));
}

const leaks = {
  nothing: () => {},
  objects,
  // Old garbage: V8 has to collect its whole heap.
  churn: (bytes) => { ring[turns++ % 20000] = new Array(Math.round(bytes / 8)).fill(0.5); },
  buffers: (bytes) => kept.push(new Uint8Array(bytes)),
  addon: (bytes) => require(process.env.ADDON).leak(bytes),
  foreign: (bytes) => kept.push(require(process.env.ADDON).foreign(bytes)),
};

// In pieces of at least this size, so that what keeps a piece is small beside it; of buffers over native memory, which
// are dear, one a tick.
const PIECE = what === "foreign" ? Math.max(300, Number(leak) * EVERY_MS / 1000) : 300;

// By the clock: a busy machine leaves ticks out.
setInterval(() => {
  const seconds = (performance.now() - began) / 1000;
  for (; leaked + PIECE <= Number(leak) * seconds; leaked += PIECE) leaks[what](PIECE);
  for (; made + 1000 <= Number(garbage) * seconds; made += 1000) garbageOf(1000);
}, EVERY_MS);

function garbageOf(bytes) {
  return [new Array(Math.round(bytes / 16)).fill(0.25), Buffer.alloc(bytes / 2)];
}
