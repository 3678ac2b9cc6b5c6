//! A capture loop in Rust with a small pool, which publishes what it counts on the page of its run: std only, by
//! writing eight bytes at an offset of the file. The layout: docs/page.md.
//!
//!     rustc -O capture.rs
//!     zcbench run soak.toml
//!
//! The end of its input (std knows no signals), or of --seconds, drains the pool. --lose-every 50 forgets to give
//! back one slot in 50.
use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

const SLOTS: usize = 100;
const BLOCK_BYTES: usize = 3840;
const UNSET: i64 = i64::MIN;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Total = 1,
    Gauge = 2,
    Constant = 3,
}

/// The page that ZCBENCH_PAGE names; without one, or where another process has taken it, nothing is written.
struct Page {
    file: Option<File>,
}

impl Page {
    fn open() -> io::Result<Page> {
        let Some(path) = std::env::var_os("ZCBENCH_PAGE") else { return Ok(Page { file: None }) };
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let mut magic = [0; 12];
        file.read_exact_at(&mut magic, 0)?;
        if &magic != b"ZCPAGE\0\0\x02\0\0\0" {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a page of version 2"));
        }
        let page = Page { file: Some(file) };
        if page.read64(72)? != 0 {
            return Ok(Page { file: None });
        }
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        page.write(80, &(since.as_nanos() as u64).to_le_bytes())?;
        page.write(72, &u64::from(std::process::id()).to_le_bytes())?;
        Ok(page)
    }

    fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.as_ref().map_or(Ok(()), |file| file.write_all_at(bytes, at))
    }

    fn read64(&self, at: u64) -> io::Result<u64> {
        let mut word = [0; 8];
        if let Some(file) = &self.file {
            file.read_exact_at(&mut word, at)?;
        }
        Ok(u64::from_le_bytes(word))
    }

    fn read32(&self, at: u64) -> io::Result<u32> {
        Ok((self.read64(at & !7)? >> (8 * (at & 7))) as u32)
    }

    /// Between the two writes of the generation a reader waits.
    fn declaring(&self, change: impl FnOnce(&Page) -> io::Result<()>) -> io::Result<()> {
        let generation = (self.read64(24)? + 1).to_le_bytes();
        self.write(24, &generation)?;
        change(self)?;
        self.write(248, &generation)
    }

    fn declare(&self, name: &str, unit: &str, kind: Kind) -> io::Result<Counter<'_>> {
        let mut counter = Counter { page: self, at: 0, value: 0 };
        if self.file.is_none() {
            return Ok(counter);
        }
        self.declaring(|page| {
            let (declared, used) = (page.read32(40)?, page.read32(64)?);
            if declared == page.read32(36)? || used + 64 > page.read32(60)? {
                return Err(io::Error::new(io::ErrorKind::Other, "the page is full"));
            }
            counter.at = u64::from(page.read32(56)? + used);
            let mut entry = [0u8; 128];
            for (at, room, text) in [(0, 63, name), (64, 15, unit), (80, 15, "main")] {
                let text = &text.as_bytes()[..text.len().min(room)];
                entry[at..at + text.len()].copy_from_slice(text);
            }
            entry[96..100].copy_from_slice(&(kind as u32).to_le_bytes());
            entry[100..104].copy_from_slice(&(counter.at as u32).to_le_bytes());
            if kind != Kind::Total {
                page.write(counter.at, &UNSET.to_le_bytes())?;
            }
            page.write(u64::from(page.read32(32)?) + 128 * u64::from(declared), &entry)?;
            page.write(64, &(used + 64).to_le_bytes())?;
            page.write(40, &(declared + 1).to_le_bytes())
        })?;
        Ok(counter)
    }

    fn law(&self, text: &str) -> io::Result<()> {
        self.declaring(|page| {
            let used = page.read32(52)?;
            page.write(u64::from(page.read32(44)? + used), format!("{text}\n").as_bytes())?;
            page.write(52, &(used + text.len() as u32 + 1).to_le_bytes())
        })
    }

    fn state(&self, state: u64) -> io::Result<()> {
        self.write(136, &state.to_le_bytes())
    }
}

struct Counter<'a> {
    page: &'a Page,
    at: u64,
    value: i64,
}

impl Counter<'_> {
    fn add(&mut self, n: i64) -> io::Result<()> {
        self.set(self.value + n)
    }

    fn set(&mut self, value: i64) -> io::Result<()> {
        self.value = value;
        self.page.write(self.at, &value.to_le_bytes())
    }
}

struct Packet {
    sequence: u64,
    taken: Instant,
    slot: Vec<u8>,
}

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let given: HashMap<&str, f64> =
        words.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].parse().unwrap_or(0.0))).collect();
    let option = |name, otherwise| given.get(name).copied().unwrap_or(otherwise);
    let (seconds, rate) = (option("--seconds", f64::INFINITY), option("--rate", 100.0));
    let (hold, lose_every) = (option("--hold-ms", 30.0) / 1e3, option("--lose-every", 0.0) as u64);

    let page = Page::open()?;
    let total = |name, unit| page.declare(name, unit, Kind::Total);
    let mut captured = total("engine.captured", "packets")?;
    let mut drops = total("engine.drops", "packets")?;
    let mut hits = total("pool.hits", "acquires")?;
    let mut misses = total("pool.misses", "acquires")?;
    let mut refused = total("pool.refused", "acquires")?;
    let mut returns = total("pool.returns", "returns")?;
    let mut in_flight = page.declare("pool.in_flight", "leases", Kind::Gauge)?;
    let mut high_water = page.declare("pool.high_water", "leases", Kind::Gauge)?;
    let mut delivered = total("engine.delivered", "packets")?;
    let mut received = total("consumer.received", "packets")?;
    let mut last = page.declare("consumer.last_sequence", "sequence", Kind::Gauge)?;
    page.declare("pool.slots", "slots", Kind::Constant)?.set(SLOTS as i64)?;
    in_flight.set(0)?;
    high_water.set(0)?;
    page.law("engine.captured == pool.hits + pool.misses")?;
    page.law("engine.captured == pool.returns + pool.in_flight + pool.refused")?;

    let stopped = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stopped);
    std::thread::spawn(move || {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        told.store(true, Ordering::Relaxed);
    });
    let mut free: VecDeque<Vec<u8>> = (0..SLOTS).map(|_| vec![0; BLOCK_BYTES]).collect();
    let mut held: VecDeque<Packet> = VecDeque::new();
    let mut give_back = |packet: Packet, free: &mut VecDeque<Vec<u8>>, in_flight: &mut Counter| {
        if lose_every > 0 && packet.sequence % lose_every == 0 {
            return Ok(()); // the planted bug
        }
        free.push_back(packet.slot);
        in_flight.add(-1)?;
        returns.add(1)
    };

    page.state(1)?;
    let start = Instant::now();
    let mut sequence = 0;
    while start.elapsed().as_secs_f64() < seconds && !(stopped.load(Ordering::Relaxed) && seconds.is_infinite()) {
        sequence += 1;
        captured.add(1)?;
        if let Some(mut slot) = free.pop_front() {
            slot.fill(sequence as u8);
            held.push_back(Packet { sequence, taken: Instant::now(), slot });
            hits.add(1)?;
            in_flight.add(1)?;
            high_water.set(high_water.value.max(in_flight.value))?;
            delivered.add(1)?;
            last.set(sequence as i64)?;
            received.add(1)?;
        } else {
            misses.add(1)?;
            refused.add(1)?;
            drops.add(1)?;
        }
        while held.front().map_or(false, |packet| packet.taken.elapsed().as_secs_f64() >= hold) {
            if let Some(packet) = held.pop_front() {
                give_back(packet, &mut free, &mut in_flight)?;
            }
        }
        let due = Duration::from_secs_f64(sequence as f64 / rate);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
    }
    page.state(2)?;
    for packet in held.drain(..) {
        give_back(packet, &mut free, &mut in_flight)?;
    }
    page.state(3)
}
