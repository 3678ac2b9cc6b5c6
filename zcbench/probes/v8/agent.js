// Publishes what V8 and the event loop say of themselves, on a page of zcbench (docs/page.md), from inside a Node process.
//
// It is preloaded (NODE_OPTIONS=--require) into every Node process and worker thread that comes from a command, or
// evaluated in one that runs already. So it must not change the program: it prints nothing, keeps no event loop alive,
// adds no listener and no global, and where it fails it stops, and leaves a note beside its page. It must also parse in
// any Node that can be started: no syntax that is younger than Node 6.
"use strict";
(function (given) {
  // Captured at once: programs replace timers, the clock and file functions in their tests.
  const fs = require("fs");
  const v8 = require("v8");
  const setTimer = setTimeout, clearTimer = clearTimeout;
  const hrtime = process.hrtime, memoryUsage = process.memoryUsage, cpuUsage = process.cpuUsage;
  const open = fs.openSync, read = fs.readSync, write = fs.writeSync, status = fs.fstatSync, close = fs.closeSync, exists = fs.existsSync;

  const HEADER_BYTES = 256, ENTRY_BYTES = 128, LINE_BYTES = 64, BUCKETS = 976;
  const ENTRIES = 120;
  const PAGE_BYTES = 32768;
  const TOTAL = 1, GAUGE = 2, HISTOGRAM = 4;
  const AT_GENERATION = 24, AT_DECLARED = 40, AT_DATA_USED = 64, AT_PID = 72, AT_STARTED = 80;
  const AT_HEARTBEAT = 128, AT_STATE = 136, AT_GENERATION_AGAIN = 248, READY = 1, DONE = 3;
  const HIGH = 4294967296;

  // A settled collection ends when nothing falls any more, and at the latest after so many rounds or so long.
  const ROUNDS = 10, SETTLE_NS = 2e9;
  // What falls by less is the coming and going of requests: 300 bytes a second are 3,600 in the 12 s between two
  // collections, and are to be seen beside it.
  const REST_BYTES = 1024, REST_SHARE = 0.0002;
  // A heap whose collection takes long is collected less often: pauses are to stay below this share of the time.
  const LARGEST_SHARE = 0.05;
  // How often the agent's code runs before it counts as warm, how often of that at one publication, and how many rounds
  // are made before the first settled collection, unless they take more than a share of the time between two.
  const WARM_UPS = 1000, WARM_UPS_AT_ONCE = 25, WARM_ROUNDS = 60, WARM_SHARE = 0.02;
  // Of the timer whose lateness is the event loop's delay: wakes an idle process 50 times a second.
  const RESOLUTION_MS = 20;
  // A publication takes some 50 µs. Twice a sample, each sample finds one of its own, and a heart that rests tells of a
  // loop that is blocked.
  const MOST_OFTEN_S = 0.1, LEAST_OFTEN_S = 1;
  // A worker thread has its page after so long, or comes without the agent; of so many at once that is looked at.
  const WORKER_STARTS_NS = 5e9, MOST_STARTED = 64;
  // Types of handles and requests that get a number of their own; the others are in the sums.
  const MOST_TYPES = 24;

  function now() {
    const time = hrtime();
    return time[0] * 1e9 + time[1];
  }

  function cpuTime() {
    const used = cpuUsage.call(process);
    return (used.user + used.system) * 1000;
  }

  // -- the page

  function Page(path, pid) {
    this.path = path;
    this.bytes = Buffer.alloc(PAGE_BYTES);
    // Of the machine's own order, little-endian wherever Node runs but on s390x (Page.create looks). A view costs no call: the
    // methods of Buffer would be optimised for our calls, into the program's heap.
    this.words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, PAGE_BYTES / 4);
    this.at = {};
    this.dataAt = HEADER_BYTES + ENTRIES * ENTRY_BYTES;
    const header = [[8, 2], [12, ENTRY_BYTES], [16, PAGE_BYTES], [32, HEADER_BYTES], [36, ENTRIES], [44, this.dataAt],
      [56, this.dataAt], [60, PAGE_BYTES - this.dataAt], [68, BUCKETS]];
    this.bytes.write("ZCPAGE\0\0", 0, "latin1");
    for (const pair of header) this.words[pair[0] / 4] = pair[1];
    this.put(AT_STARTED, Date.now() * 1e6);
    this.put(AT_PID, pid);
    this.put(AT_STATE, READY);
  }

  // An integer below 2^53.
  Page.prototype.put = function (at, value) {
    // Stored modulo 2^32 each, negative ones as their two's complement.
    this.words[at / 4] = value;
    this.words[at / 4 + 1] = Math.floor(value / HIGH);
  };

  Page.prototype.add = function (at, value) {
    this.put(at, this.get(at) + value);
  };

  Page.prototype.get = function (at) {
    return this.words[at / 4] + (this.words[at / 4 + 1] | 0) * HIGH;
  };

  // Declares what is new; a reader waits while the two generations differ. False if there is no room.
  Page.prototype.declare = function (name, unit, kind) {
    if (name in this.at) return true;
    const declared = this.words[AT_DECLARED / 4], used = this.words[AT_DATA_USED / 4];
    const words = kind === HISTOGRAM ? 4 + BUCKETS : 1;
    // The one thread that writes has all lines: its values may share them.
    const room = kind === HISTOGRAM ? Math.ceil(words * 8 / LINE_BYTES) * LINE_BYTES : 8;
    if (declared === ENTRIES || this.dataAt + used + room > PAGE_BYTES || name.length > 63) return false;
    const entry = HEADER_BYTES + declared * ENTRY_BYTES, at = this.dataAt + used;
    this.bytes.write(name, entry, "latin1");
    this.bytes.write(unit, entry + 64, "latin1");
    this.bytes.write("agent", entry + 80, "latin1");
    this.words[(entry + 96) / 4] = kind;
    this.words[(entry + 100) / 4] = at;
    if (kind === GAUGE) this.words[at / 4 + 1] = -2147483648;
    this.words[AT_DATA_USED / 4] = used + room;
    this.words[AT_DECLARED / 4] = declared + 1;
    this.at[name] = at;
    this.stale = true;
    return true;
  };

  Page.prototype.set = function (name, value) {
    this.put(this.at[name], value);
  };

  Page.prototype.create = function () {
    if (this.bytes[8] !== 2) throw new Error("this machine's words are big-endian");
    // A page that another process of this number has left goes with it.
    const fresh = this.path + ".new";
    this.file = open(fresh, "w+", 0o644);
    write(this.file, this.bytes, 0, PAGE_BYTES, 0);
    fs.renameSync(fresh, this.path);
    this.stale = false;
    this.mine = status(this.file);
  };

  // Whether the descriptor is still the page's: a program may close any, and its number comes back for another file.
  Page.prototype.isOpen = function () {
    try {
      const found = status(this.file);
      return found.ino === this.mine.ino && found.dev === this.mine.dev && found.size === PAGE_BYTES;
    } catch (error) {
      return false;
    }
  };

  Page.prototype.write = function () {
    if (!this.isOpen()) throw new Error("the program has closed the file of the page");
    this.add(AT_HEARTBEAT, 1);
    if (this.stale) {
      this.add(AT_GENERATION, 1);
      write(this.file, this.bytes, AT_GENERATION, 8, AT_GENERATION);
      write(this.file, this.bytes, HEADER_BYTES, this.dataAt - HEADER_BYTES, HEADER_BYTES);
    }
    write(this.file, this.bytes, this.dataAt, this.words[AT_DATA_USED / 4], this.dataAt);
    if (this.stale) {
      this.add(AT_GENERATION_AGAIN, 1);
      this.stale = false;
    }
    write(this.file, this.bytes, 32, HEADER_BYTES - 32, 32);
  };

  // Whether the run is over: its folder goes then.
  Page.prototype.isGone = function () {
    return this.isOpen() && status(this.file).nlink === 0;
  };

  // Say that nothing comes any more.
  Page.prototype.end = function () {
    if (!this.isOpen()) this.file = open(this.path, "r+");
    this.put(AT_STATE, DONE);
    write(this.file, this.bytes, AT_STATE, 8, AT_STATE);
    close(this.file);
  };

  Page.prototype.writeOne = function (name) {
    write(this.file, this.bytes, this.at[name], 8, this.at[name]);
  };

  Page.prototype.record = function (name, value, count) {
    const at = this.at[name];
    this.add(at + 8 * (4 + bucketOf(value)), count);
    this.add(at, count);
    this.add(at + 8, value * count);
    if (value > this.get(at + 16)) this.put(at + 16, value);
  };

  function bucketOf(value) {
    if (value < 16) return Math.max(0, Math.floor(value));
    const exponent = Math.floor(Math.log2(value));
    // The logarithm of a number just below a power of two may be rounded up to it.
    const exact = Math.pow(2, exponent) > value ? exponent - 1 : exponent;
    return (exact - 3) * 16 + (Math.floor(value / Math.pow(2, exact - 4)) & 15);
  }

  // -- the malloc meter's page of this process (zcbench/probes/malloc/page.h): what malloc has live right after a
  // collection, before there is garbage in it again

  const METER_BYTES = 16384, METER_LINE = 64, METER_SHARED = 4 * METER_LINE, METER_FLAGS = 56, METER_INHERITED = 48;
  const METER_AT_VERSION = 8, METER_VERSION = 3;
  // Flags by which nothing is counted, and where an allocator of the program's own has a number.
  const METER_UNCOUNTED = 3, METER_OWN = 216;

  function Meter(folder, page) {
    this.path = folder && folder + "/" + process.pid + ".page";
    this.page = page;
    this.bytes = Buffer.alloc(METER_BYTES);
    this.words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, METER_BYTES / 4);
  }

  Meter.prototype.take = function () {
    if (!this.path || !exists(this.path)) return;
    const file = open(this.path, "r");
    let size;
    try {
      size = read(file, this.bytes, 0, METER_BYTES, 0);
    } finally {
      close(file);
    }
    if (size < METER_BYTES || this.word(METER_AT_VERSION) !== METER_VERSION) return;
    if (this.word(METER_FLAGS) & METER_UNCOUNTED || this.word(METER_OWN)) return;
    let live = this.word(METER_INHERITED);
    for (let at = METER_SHARED; at < METER_BYTES; at += METER_LINE) live += this.word(at + 16) - this.word(at + 24);
    if (live > 0 && this.page.declare("malloc.settled_bytes", "bytes", GAUGE)) {
      this.page.set("malloc.settled_bytes", live);
    }
  };

  Meter.prototype.word = function (at) {
    return this.words[at / 4] + this.words[at / 4 + 1] * HIGH;
  };

  // -- the agent

  function Agent(settings, pid, thread) {
    this.settings = settings;
    this.pid = pid;
    this.page = new Page(this.pageOf(thread), pid);
    this.pauses = { forced: 0 };
    this.types = [];
    this.gcEvery = settings.gc_every_s ? Math.round(settings.gc_every_s * 1e9) : 0;
    this.publishEvery = 1e9 * Math.min(Math.max(settings.sample_every_s / 2, MOST_OFTEN_S), LEAST_OFTEN_S);
    this.nextGc = this.gcEvery ? multiple(now(), this.gcEvery) : Infinity;
    this.settling = null;
    this.warmUps = 0;
    this.warmRounds = 0;
    this.forcedCost = 0;
    this.flushes = !/flush.bytecode/.test([process.env.NODE_OPTIONS].concat(process.execArgv).join());
  }

  Agent.prototype.pageOf = function (thread) {
    return this.settings.folder + "/" + this.pid + (thread ? "." + thread : "") + ".page";
  };

  function multiple(time, every) {
    return (Math.floor(time / every) + 1) * every;
  }

  const READINGS = ["v8.heap_bytes", "v8.heap_total_bytes", "v8.external_bytes", "v8.array_buffers_bytes",
    "v8.foreign_bytes", "v8.malloced_bytes", "v8.old_space_bytes", "v8.large_objects_bytes", "v8.code_bytes"];
  const KINDS = { 1: "minor", 2: "minor", 4: "major", 8: "incremental", 16: "weak_callbacks" };

  Agent.prototype.start = function (thread) {
    const page = this.page;
    for (const name of READINGS) page.declare(name, "bytes", GAUGE);
    for (const name of ["v8.contexts", "v8.detached_contexts"]) page.declare(name, "contexts", GAUGE);
    for (const name of ["v8.handles", "v8.requests"]) page.declare(name, name.slice(3), GAUGE);
    for (const name of ["runtime.collections", "runtime.full_collections"]) page.declare(name, "collections", TOTAL);
    for (const name of ["runtime.pause_ns", "v8.pause_minor_ns", "v8.pause_major_ns", "v8.pause_incremental_ns",
      "v8.pause_weak_callbacks_ns"]) page.declare(name, "ns", TOTAL);
    page.declare("gc.forced_pause_ns", "ns", TOTAL);
    page.declare("probe.v8.inside_ns", "ns", TOTAL);
    page.declare("settled", "collections", TOTAL);
    if (!thread && this.gcEvery) this.meter = new Meter(process.env.ZCBENCH_MALLOC_DIR, page);
    if (thread) {
      // Worker threads are made to compute: how late they turn says nothing.
      page.declare("thread", "thread", GAUGE);
      page.set("thread", taskOf());
    } else {
      page.declare("event_loop.delay_ns", "ns", HISTOGRAM);
      page.declare("event_loop.idle_ns", "ns", TOTAL);
      page.declare("event_loop.active_ns", "ns", TOTAL);
      this.watchLoop();
    }
    page.create();
    this.watchWorkers();
    this.watchCollections();
    this.schedule();
  };

  // The number of this thread in the system, by which its end is seen; 0 where the system does not say.
  function taskOf() {
    try {
      return Number(fs.readlinkSync("/proc/thread-self").split("/")[2]) || 0;
    } catch (error) {
      return 0;
    }
  }

  Agent.prototype.watchLoop = function () {
    const hooks = require("perf_hooks");
    this.performance = hooks.performance;
    if (!hooks.monitorEventLoopDelay) return;
    this.delays = hooks.monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.delays.enable();
  };

  // Worker threads that this one starts (Node 20 and later tell), to see which come without an agent.
  Agent.prototype.watchWorkers = function () {
    this.started = [];
    let channels;
    try {
      channels = require("diagnostics_channel");
    } catch (error) {
      return;
    }
    if (!channels.subscribe || typeof WeakRef !== "function") return;
    channels.subscribe("worker_threads", (message) => {
      if (this.started.length < MOST_STARTED) this.started.push({ worker: new WeakRef(message.worker), at: now() });
    });
  };

  Agent.prototype.lookForWorkers = function () {
    while (this.started.length && now() - this.started[0].at > WORKER_STARTS_NS) {
      const worker = this.started.shift().worker.deref();
      // One that has ended has no number.
      if (!worker || !(worker.threadId > 0) || exists(this.pageOf(worker.threadId))) continue;
      if (this.page.declare("v8.unread_threads", "threads", TOTAL)) this.page.add(this.page.at["v8.unread_threads"], 1);
    }
  };

  Agent.prototype.watchCollections = function () {
    const hooks = require("perf_hooks");
    this.observer = new hooks.PerformanceObserver((list) => this.guarded("collected", list));
    this.observer.observe({ entryTypes: ["gc"] });
  };

  Agent.prototype.collected = function (list) {
    let full = 0;
    for (const entry of list.getEntries()) {
      const kind = KINDS[entry.detail ? entry.detail.kind : entry.kind];
      const pause = Math.round(entry.duration * 1e6);
      if (kind === "minor" || kind === "major") this.page.add(this.page.at["runtime.collections"], 1);
      if (kind === "major") full += 1;
      this.page.add(this.page.at["runtime.pause_ns"], pause);
      if (kind) this.page.add(this.page.at["v8.pause_" + kind + "_ns"], pause);
    }
    if (!full) return;
    if (!this.gcEvery) {
      this.takeReadings();
      this.page.write();
    }
    // After the readings: a reader takes them for those of this collection.
    this.page.add(this.page.at["runtime.full_collections"], full);
  };

  Agent.prototype.takeReadings = function () {
    const page = this.page, heap = v8.getHeapStatistics(), memory = memoryUsage.call(process);
    this.latest = [heap.used_heap_size, memory.external, memory.arrayBuffers || 0];
    page.set("v8.heap_bytes", heap.used_heap_size);
    page.set("v8.heap_total_bytes", heap.total_heap_size);
    page.set("v8.external_bytes", memory.external);
    if (memory.arrayBuffers !== undefined) {
      page.set("v8.array_buffers_bytes", memory.arrayBuffers);
      page.set("v8.foreign_bytes", Math.max(0, memory.external - memory.arrayBuffers));
    }
    page.set("v8.malloced_bytes", heap.malloced_memory);
    if (heap.number_of_native_contexts !== undefined) {
      page.set("v8.contexts", heap.number_of_native_contexts);
      page.set("v8.detached_contexts", heap.number_of_detached_contexts);
    }
  };

  // What is dear: once a settled collection.
  Agent.prototype.takeInventory = function () {
    let large = 0;
    for (const space of v8.getHeapSpaceStatistics()) {
      if (space.space_name === "old_space") this.page.set("v8.old_space_bytes", space.space_used_size);
      if (/large_object_space$/.test(space.space_name)) large += space.space_used_size;
    }
    this.page.set("v8.large_objects_bytes", large);
    if (!process.getActiveResourcesInfo) return;
    const found = {}, sums = { handles: 0, requests: 0 };
    for (const type of process.getActiveResourcesInfo()) {
      found[type] = (found[type] || 0) + 1;
      sums[kindOf(type)] += 1;
    }
    for (const kind of Object.keys(sums)) this.page.set("v8." + kind, sums[kind]);
    for (const type of Object.keys(found)) this.declareType(type);
    for (const type of this.types) this.page.set("v8." + kindOf(type) + "." + type, found[type] || 0);
  };

  // Node gives one list of both: a request is something that ends by itself, once it is answered.
  function kindOf(type) {
    return /Req|^(Write|Shutdown|Send|TCPConnect|PipeConnect)Wrap$|^(PBKDF2|RandomBytes|Scrypt|Sign|Hash|KeyGen)/.test(type)
      ? "requests" : "handles";
  }

  // V8 walks its old objects for it: half as long as a collection takes, and counted as one.
  Agent.prototype.takeCode = function () {
    if (!v8.getHeapCodeStatistics) return;
    const began = now(), used = cpuTime(), code = v8.getHeapCodeStatistics();
    this.page.set("v8.code_bytes", code.code_and_metadata_size + code.bytecode_and_metadata_size);
    this.spent(began, used);
  };

  Agent.prototype.declareType = function (type) {
    const kind = kindOf(type);
    if (!/^[A-Za-z0-9_]+$/.test(type) || this.types.length >= MOST_TYPES) return;
    if (this.types.indexOf(type) < 0 && this.page.declare("v8." + kind + "." + type, kind, GAUGE)) this.types.push(type);
  };

  Agent.prototype.tick = function () {
    if (this.page.isGone() || (this.settings.supervisor && !lives(this.settings.supervisor))) return this.stop();
    if (this.started.length) this.lookForWorkers();
    this.publish();
    this.warmUp(WARM_UPS_AT_ONCE);
    if (!this.settling && now() >= this.nextGc) this.settle();
    clearTimer(this.timer);
    this.schedule();
  };

  Agent.prototype.schedule = function () {
    const time = now(), collection = this.settling ? Infinity : Math.max(this.nextGc, time);
    const next = Math.min(multiple(time, this.publishEvery), collection);
    this.timer = this.later("tick", Math.max(1, Math.ceil((next - time) / 1e6)));
  };

  // A timer that keeps nothing alive.
  Agent.prototype.later = function (method, delay) {
    const timer = setTimer(guardedOf, delay, this, method);
    timer.unref();
    return timer;
  };

  function guardedOf(agent, method) {
    agent.guarded(method);
  }

  Agent.prototype.publish = function () {
    this.readDelays();
    if (this.performance && this.performance.eventLoopUtilization) {
      const loop = this.performance.eventLoopUtilization();
      this.page.set("event_loop.idle_ns", Math.round(loop.idle * 1e6));
      // Without the harness's own collections.
      this.page.set("event_loop.active_ns", Math.max(0, Math.round(loop.active * 1e6) - this.pauses.forced));
    }
    this.page.write();
  };

  // Node's histogram gives percentiles, each twice as fine as the one before: what lies between two of them is counted
  // at the upper one, so that the largest delays stand exactly and none is told smaller than it was.
  Agent.prototype.readDelays = function () {
    const delays = this.delays;
    if (!delays || !(delays.max > 0)) return;
    const percentiles = Array.from(delays.percentiles).sort((one, other) => one[0] - other[0]);
    const count = delays.count || Math.max(1, Math.round(this.publishEvery / (RESOLUTION_MS * 1e6)));
    let counted = 0;
    for (const pair of percentiles) {
      const upTo = Math.round(count * pair[0] / 100), late = Math.max(0, pair[1] - RESOLUTION_MS * 1e6);
      if (upTo > counted) this.page.record("event_loop.delay_ns", Math.round(late), upTo - counted);
      counted = Math.max(counted, upTo);
    }
    delays.reset();
  };

  // Collect, yield, and again, until nothing falls: finalisers run in a turn of the event loop, and free what the next
  // collection then finds.
  Agent.prototype.settle = function () {
    this.settling = { began: now(), rounds: 0, before: null, cost: 0 };
    // The harness's own collections are no delay of the program's.
    this.warmUp(WARM_UPS);
    if (this.delays) this.delays.disable();
    if (this.warmRounds) this.round();
    else this.warmRound();
  };

  // Code that runs for the first time takes memory of V8's heap: to compile it, to optimise it, to know its types. That
  // of the agent itself, some 200 KB, is to be there before the first reading, or it would look like a slow leak.
  Agent.prototype.warmUp = function (most) {
    for (; this.gcEvery && this.warmUps < WARM_UPS && most > 0; ++this.warmUps, --most) {
      this.takeReadings();
      this.takeInventory();
      if (!this.page.isGone()) this.publish();
      clearTimer(this.timer);
      this.schedule();
    }
  };

  // The same for what is called once a round: rounds with collections of new objects alone, which are short.
  Agent.prototype.warmRound = function () {
    this.collect({ type: "minor" });
    this.takeReadings();
    this.warmRounds += 1;
    const isOver = this.warmRounds >= WARM_ROUNDS || this.settling.cost > WARM_SHARE * this.gcEvery;
    this.later(isOver ? "round" : "warmRound", 1);
  };

  Agent.prototype.round = function () {
    const settling = this.settling;
    this.collect();
    settling.rounds += 1;
    this.takeReadings();
    const before = settling.before;
    const rests = before !== null && before.every(
      (value, index) => value - this.latest[index] <= REST_BYTES + value * REST_SHARE);
    if (!rests && settling.rounds < ROUNDS && now() - settling.began < SETTLE_NS) {
      settling.before = this.latest;
      this.later("round", 1);
      return;
    }
    // V8 takes array buffers that a collection has freed out of `external` when the next one begins.
    this.collect();
    this.takeReadings();
    if (this.meter) this.meter.take();
    this.takeInventory();
    this.takeCode();
    if (this.delays) {
      this.delays.reset();
      this.delays.enable();
    }
    this.publish();
    // After the readings, which it says are of this collection.
    this.page.add(this.page.at.settled, 1);
    this.page.writeOne("settled");
    // Every second, fourth, eighth multiple: those of all processes are then multiples of each other.
    let every = this.gcEvery;
    while (settling.cost > LARGEST_SHARE * every) every *= 2;
    this.nextGc = multiple(now(), every);
    this.settling = null;
  };

  Agent.prototype.collect = function (which) {
    const began = now(), used = cpuTime();
    this.findGc();
    // V8 drops the code of functions that did not run since some collections: several in a row would drop what the program
    // needs the next moment, and it would be compiled and optimised anew.
    if (this.flushes) v8.setFlagsFromString("--no-flush-bytecode");
    try {
      this.gc(which);
    } finally {
      if (this.flushes) v8.setFlagsFromString("--flush-bytecode");
    }
    this.spent(began, used);
  };

  // Adds what the harness has kept the program from since ``began`` and ``used``.
  Agent.prototype.spent = function (began, used) {
    const pause = now() - began;
    // On a busy machine a pause is mostly waiting, and says nothing of the heap.
    const cost = Math.min(pause, cpuTime() - used);
    this.settling.cost += cost;
    this.forcedCost += cost;
    this.page.add(this.page.at["gc.forced_pause_ns"], pause);
    this.pauses.forced += pause;
  };

  // gc() of a context that was made while the flag was on: the program's own contexts have none.
  Agent.prototype.findGc = function () {
    if (this.gc) return;
    if (typeof global.gc === "function") {
      this.gc = global.gc;
      return;
    }
    v8.setFlagsFromString("--expose-gc");
    try {
      this.gc = require("vm").runInNewContext("gc");
    } finally {
      v8.setFlagsFromString("--no-expose-gc");
    }
  };

  // Nothing that goes wrong in here is the program's.
  Agent.prototype.guarded = function (method, argument) {
    const began = now(), used = cpuTime(), cost = this.forcedCost;
    try {
      this[method](argument);
    } catch (error) {
      this.stop(error);
      return;
    }
    // Neither what other threads took meanwhile, nor what this one waited for a core; collections are counted apart.
    const inside = Math.min(now() - began, cpuTime() - used) - (this.forcedCost - cost);
    this.page.add(this.page.at["probe.v8.inside_ns"], Math.max(0, inside));
  };

  Agent.prototype.stop = function (error) {
    const steps = [
      () => clearTimer(this.timer),
      () => this.delays && this.delays.disable(),
      () => this.observer && this.observer.disconnect(),
      () => this.page.end(),
      () => error && fs.writeFileSync(this.page.path.replace(/page$/, "note"), String(error && error.stack || error)),
    ];
    this.schedule = this.tick = this.round = this.collected = function () {};
    for (const step of steps) {
      try {
        step();
      } catch (problem) {
        // There is nobody to tell.
      }
    }
  };

  function lives(pid) {
    try {
      process.kill(pid, 0);
    } catch (error) {
      return error.code === "EPERM";
    }
    return true;
  }

  function threadId() {
    try {
      return require("worker_threads").threadId;
    } catch (error) {
      return 0;
    }
  }

  // Code of the agent that V8 optimises lies in the program's heap, and comes some KB at a time, for minutes.
  function stayUnoptimised() {
    v8.setFlagsFromString("--allow-natives-syntax");
    let never;
    try {
      never = require("vm").runInThisContext("(function (f) { %NeverOptimizeFunction(f); })");
    } finally {
      v8.setFlagsFromString("--no-allow-natives-syntax");
    }
    for (const one of [now, cpuTime, bucketOf, multiple, kindOf, guardedOf, lives]) never(one);
    for (const type of [Page, Meter, Agent]) {
      for (const name of Object.keys(type.prototype)) never(type.prototype[name]);
    }
  }

  try {
    const folder = given ? given.folder : process.env.ZCBENCH_PROBE_V8;
    // A program that outlives its run goes on without us.
    if (folder && exists(folder + "/setting.json")) {
      const settings = JSON.parse(fs.readFileSync(folder + "/setting.json", "utf8"));
      settings.folder = folder;
      settings.supervisor = given ? given.supervisor : 0;
      stayUnoptimised();
      const thread = threadId(), agent = new Agent(settings, process.pid, thread);
      try {
        agent.start(thread);
      } catch (error) {
        agent.stop(error);
      }
    }
  } catch (error) {
    // There is nobody to tell: the supervisor finds a Node process without a page.
  }
  if (typeof module === "object" && module && require.cache) delete require.cache[module.filename];
})(typeof zcbenchSettings === "undefined" ? null : zcbenchSettings);
