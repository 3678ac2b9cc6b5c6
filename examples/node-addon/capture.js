// An application over the capture add-on: it takes each packet, looks at its bytes, keeps it for a while.
//
//   node capture.js STATE [--slots 10] [--rate 100] [--hold-ms 30] [--told-bytes 0] [--seconds 30]
//
// SIGTERM, or the end of --seconds, drains it. The states: README.md.
"use strict";
const v8 = require("node:v8");
const vm = require("node:vm");
const capture = require("./build/Release/capture.node");

const given = { "--slots": 10, "--rate": 100, "--hold-ms": 30, "--told-bytes": 0, "--seconds": Infinity };
const state = process.argv[2];
for (let i = 3; i + 1 < process.argv.length; i += 2) {
  if (!(process.argv[i] in given)) throw new Error(`no option ${process.argv[i]}`);
  given[process.argv[i]] = Number(process.argv[i + 1]);
}
// Who has done with a packet says so; otherwise V8's collector does, some time later.
const releases = state === "explicit" || state === "mixed-ownership";

const held = [];

// Every byte behind the packet's number, which is 32 bits, is the number's lowest.
function isIntact(packet, sequence) {
  for (let i = 4; i < packet.length; i++) if (packet[i] !== (sequence & 0xff)) return false;
  return packet.length === 3840;
}

function onPacket(packet) {
  if (packet === null) return void drain();
  const sequence = packet.readUInt32LE(0);
  capture.taken(sequence, isIntact(packet, sequence));
  held.push({ packet, sequence, at: performance.now() });
  letGo(state === "mixed-ownership" ? 0 : given["--hold-ms"]);
}

// Let go of the packets that were held for `ms`.
function letGo(ms) {
  const now = performance.now();
  while (held.length && now - held[0].at >= ms) {
    const { packet, sequence } = held.shift();
    capture.doneWith(isIntact(packet, sequence));
    if (releases) capture.release(packet);
  }
}

// The stream is over and the application has let go of everything: collect until no more leases come back.
// A collection alone runs no finalizer of a buffer: those run on the next turns of the event loop.
async function drain() {
  letGo(0);
  v8.setFlagsFromString("--expose-gc");
  const collect = vm.runInNewContext("gc");
  for (let before = Infinity; capture.inFlight() < before;) {
    before = capture.inFlight();
    collect();
    for (let turn = 0; turn < 3; turn++) await new Promise((resume) => setTimeout(resume, 10));
  }
  capture.done();
}

process.on("SIGTERM", () => capture.stop());
process.on("SIGINT", () => capture.stop());
if (given["--seconds"] < Infinity) setTimeout(() => capture.stop(), given["--seconds"] * 1000).unref();
capture.start(state, given["--slots"], given["--rate"], given["--told-bytes"], onPacket);
