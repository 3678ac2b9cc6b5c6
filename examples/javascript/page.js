// The page of a run from JavaScript, by writing eight bytes at an offset: no add-on. The layout: docs/page.md.
// Without ZCBENCH_PAGE, or where that names a page that another process has taken, nothing is written.
"use strict";
const fs = require("node:fs");

const UNSET = -(2n ** 63n);
const TOTAL = 1, GAUGE = 2, CONSTANT = 3;
const STATES = { starting: 0, ready: 1, draining: 2, done: 3 };

class Page {
  constructor(path = process.env.ZCBENCH_PAGE) {
    this.file = null;
    if (!path) return;
    this.file = fs.openSync(path, "r+");
    this.header = Buffer.alloc(256);
    fs.readSync(this.file, this.header, 0, 256, 0);
    const isPage = this.header.toString("latin1", 0, 8) === "ZCPAGE\0\0" && this.header.readUInt32LE(8) === 2;
    if (!isPage) throw new Error(`${path}: not a page of version 2`);
    const isTaken = this.header.readBigUInt64LE(72) !== 0n;
    if (isTaken) return void (this.file = null);
    this.write64(80, BigInt(Date.now()) * 1000000n);
    this.write64(72, BigInt(process.pid));
  }

  write64(at, value) {
    if (this.file === null) return;
    const word = Buffer.alloc(8);
    word.writeBigInt64LE(BigInt(value));
    fs.writeSync(this.file, word, 0, 8, at);
  }

  write32(at, value) {
    this.header.writeUInt32LE(value, at);
    fs.writeSync(this.file, this.header, at, 4, at);
  }

  // Between the two a reader waits.
  declaring(change) {
    const generation = this.header.readBigUInt64LE(24) + 1n;
    this.header.writeBigUInt64LE(generation, 24);
    this.write64(24, generation);
    change();
    this.write64(248, generation);
  }

  // A counter with add(n), set(value) and its value.
  declare(name, unit, kind) {
    const counter = { at: 0, value: 0, page: this, add(n = 1) { this.set(this.value + n); }, set };
    if (this.file === null) return counter;
    this.declaring(() => {
      const declared = this.header.readUInt32LE(40), used = this.header.readUInt32LE(64);
      if (declared === this.header.readUInt32LE(36) || used + 64 > this.header.readUInt32LE(60)) {
        throw new Error(`${name}: the page is full`);
      }
      counter.at = this.header.readUInt32LE(56) + used;
      const entry = Buffer.alloc(128);
      entry.write(name.slice(0, 63), 0, "latin1");
      entry.write(unit.slice(0, 15), 64, "latin1");
      entry.write("main", 80, "latin1");
      entry.writeUInt32LE(kind, 96);
      entry.writeUInt32LE(counter.at, 100);
      if (kind !== TOTAL) this.write64(counter.at, UNSET);
      fs.writeSync(this.file, entry, 0, 128, this.header.readUInt32LE(32) + 128 * declared);
      this.write32(64, used + 64);
      this.write32(40, declared + 1);
    });
    return counter;
  }

  total(name, unit) { return this.declare(name, unit, TOTAL); }
  gauge(name, unit) { return this.declare(name, unit, GAUGE); }
  constant(name, unit, value) { this.declare(name, unit, CONSTANT).set(value); }

  law(text) {
    if (this.file === null) return;
    this.declaring(() => {
      const used = this.header.readUInt32LE(52), line = Buffer.from(`${text}\n`);
      if (used + line.length > this.header.readUInt32LE(48)) throw new Error("no room for one more law");
      fs.writeSync(this.file, line, 0, line.length, this.header.readUInt32LE(44) + used);
      this.write32(52, used + line.length);
    });
  }

  state(name) { this.write64(136, STATES[name]); }
}

function set(value) {
  this.value = value;
  this.page.write64(this.at, value);
}

module.exports = { Page };
