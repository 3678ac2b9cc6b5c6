// A capture loop in JavaScript with a small pool of buffers, which publishes what it counts on the page of its run.
//
//   zcbench run soak.toml
//
// SIGTERM, or the end of --seconds, drains the pool. --lose-every 50 forgets to give back one slot in 50.
"use strict";
const { Page } = require("./page.js");

const SLOTS = 100, BLOCK_BYTES = 3840;
const given = { "--seconds": Infinity, "--rate": 100, "--hold-ms": 30, "--lose-every": 0 };
for (let i = 2; i + 1 < process.argv.length; i += 2) given[process.argv[i]] = Number(process.argv[i + 1]);

const page = new Page();
const captured = page.total("engine.captured", "packets");
const drops = page.total("engine.drops", "packets");
const hits = page.total("pool.hits", "acquires");
const misses = page.total("pool.misses", "acquires");
const refused = page.total("pool.refused", "acquires");
const returns = page.total("pool.returns", "returns");
const inFlight = page.gauge("pool.in_flight", "leases");
const highWater = page.gauge("pool.high_water", "leases");
const delivered = page.total("engine.delivered", "packets");
const received = page.total("consumer.received", "packets");
const lastSequence = page.gauge("consumer.last_sequence", "sequence");
page.constant("pool.slots", "slots", SLOTS);
inFlight.set(0);
highWater.set(0);
page.law("engine.captured == pool.hits + pool.misses");
page.law("engine.captured == pool.returns + pool.in_flight + pool.refused");

const free = Array.from({ length: SLOTS }, () => Buffer.alloc(BLOCK_BYTES));
const held = [];
let sequence = 0;

function capture() {
  sequence += 1;
  captured.add();
  const slot = free.shift();
  if (!slot) {
    misses.add();
    refused.add();
    drops.add();
    return;
  }
  slot.fill(sequence & 0xff);
  held.push({ sequence, slot, taken: performance.now() });
  hits.add();
  inFlight.add();
  if (inFlight.value > highWater.value) highWater.set(inFlight.value);
  delivered.add();
  lastSequence.set(sequence);
  received.add();
}

function giveBack() {
  const { sequence, slot } = held.shift();
  if (given["--lose-every"] && sequence % given["--lose-every"] === 0) return; // the planted bug
  free.push(slot);
  inFlight.add(-1);
  returns.add();
}

function stop() {
  clearInterval(timer);
  page.state("draining");
  while (held.length) giveBack();
  page.state("done");
  process.exit(0);
}

process.on("SIGTERM", stop);
process.on("SIGINT", stop);
page.state("ready");
const start = performance.now();
const timer = setInterval(() => {
  const now = performance.now();
  while (sequence < ((now - start) / 1000) * given["--rate"]) {
    capture();
    while (held.length && (now - held[0].taken >= given["--hold-ms"] || held.length > SLOTS)) giveBack();
  }
  if (now - start >= given["--seconds"] * 1000) stop();
}, 1);
