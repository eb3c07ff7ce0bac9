//! net-mesh 0.21.0: daemons in Rust, rows N1 to N4, N7 to N10 and N13. It
//! speaks as bench.h says: lines "COUNT NAME" in, nanoseconds or bytes out.
mod daemons;
mod life;

use bytes::Bytes;
use daemons::{Echo, Sink};
use net::adapter::net::compute::{
    DaemonHost, DaemonHostConfig, DaemonRegistry, MeshDaemon,
};
use net::adapter::net::identity::EntityKeypair;
use net::adapter::net::state::causal::{
    CausalChainBuilder, CausalEvent, CausalLink,
};
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicU64, Ordering};

const CROWD: u64 = 1000;
const PROGRAM: u64 = 0xFFFF_1234;

/// Runs count operations and tells whether they did their work.
type Run = Box<dyn FnMut(u64) -> Box<dyn FnOnce() -> bool>>;

/// What a run says that it spent, where that is not the time of all of it.
static SPENT: AtomicU64 = AtomicU64::new(0);

fn spent(amount: u64) {
    SPENT.store(amount, Ordering::Relaxed);
}

/// The same cheap sequence as in floor.h.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Random(88172645)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }
}

/// The same identity for the same number.
fn key(number: u64) -> EntityKeypair {
    let mut seed = [7u8; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    EntityKeypair::from_bytes(seed)
}

fn add(
    registry: &DaemonRegistry,
    number: u64,
    daemon: Box<dyn MeshDaemon>,
) -> u64 {
    let key = key(number);
    let origin = key.origin_hash();
    let host = DaemonHost::new(daemon, key, DaemonHostConfig::default());
    registry.register(host).unwrap();
    origin
}

fn event(origin: u64, len: usize) -> CausalEvent {
    CausalEvent {
        link: CausalLink {
            origin_hash: origin,
            horizon_encoded: 0,
            sequence: 1,
            parent_hash: 0,
        },
        payload: Bytes::from(vec![0; len]),
        received_at: 0,
    }
}

/// What a sender must do, then what a receiver does: copy the payload, append
/// it to the sender's chain, deliver it to a daemon without output.
fn send_and_deliver(len: usize, daemons: u64) -> Run {
    let registry = DaemonRegistry::new();
    let ids: Vec<u64> = (0..daemons)
        .map(|i| add(&registry, i, Box::new(Sink)))
        .collect();
    let mut chain = CausalChainBuilder::new(PROGRAM);
    let mut data = vec![0u8; len];
    Box::new(move |count| {
        let mut random = Random::new();
        for i in 0..count {
            data[..8].copy_from_slice(&i.to_le_bytes());
            let payload = Bytes::copy_from_slice(black_box(&data));
            let event = chain.append(payload, 0).unwrap();
            let id = match daemons {
                1 => ids[0],
                _ => ids[(random.next() % daemons) as usize],
            };
            black_box(registry.deliver(id, &event).unwrap());
        }
        Box::new(move || Sink::take() == count * (count - 1) / 2)
    })
}

/// Two echoes that are handed each other's outputs.
fn round_trip() -> Run {
    let registry = DaemonRegistry::new();
    let ids = [0, 1].map(|i| add(&registry, i, Box::new(Echo)));
    let mut event = event(PROGRAM, 64);
    let mut trips = 0;
    Box::new(move |count| {
        for _ in 0..count {
            for id in ids {
                event = registry.deliver(id, &event).unwrap().pop().unwrap();
            }
        }
        trips += count;
        let sequence = event.link.sequence;
        Box::new(move || sequence == trips)
    })
}

/// An echo whose inputs come from so many origins, each of which it has heard.
fn echo(origins: u64) -> Run {
    let registry = DaemonRegistry::new();
    let id = add(&registry, 0, Box::new(Echo));
    let mut event = event(PROGRAM, 64);
    let name = |i: u64| i.wrapping_mul(0x9E3779B97F4A7C15) | 1;
    for i in 0..origins {
        event.link.origin_hash = name(i);
        registry.deliver(id, &event).unwrap();
    }
    let mut outputs = origins;
    Box::new(move |count| {
        let mut random = Random::new();
        let mut last = 0;
        for _ in 0..count {
            event.link.sequence += 1;
            event.link.origin_hash = name(random.next() % origins);
            last = registry.deliver(id, &event).unwrap()[0].link.sequence;
        }
        outputs += count;
        let expected = outputs;
        Box::new(move || last == expected)
    })
}

/// The time of this thread, as BENCH_CPU of bench.h.
fn now_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn variant(name: &str) -> Run {
    match name {
        "send and deliver" => send_and_deliver(64, 1),
        "send and deliver to 1000" => send_and_deliver(64, CROWD),
        "send and deliver 1 KiB" => send_and_deliver(1024, 1),
        "send and deliver 1 KiB to 1000" => send_and_deliver(1024, CROWD),
        "round trip" => round_trip(),
        "echo, 1000 origins" => echo(CROWD),
        "save 64 KiB" => life::save(1 << 16),
        "save 1 MiB" => life::save(1 << 20),
        "save and load 1 KiB" => life::save_and_load(1 << 10),
        "save and load 16 MiB" => life::save_and_load(1 << 24),
        "spawn and stop" => life::spawn_and_stop(),
        "idle daemons and their keys" => life::idle(),
        "recovery pass" => life::recovery_pass(100),
        _ => panic!("no variant {name}"),
    }
}

fn main() {
    let mut opened: Vec<(String, Run)> = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (count, name) = line.split_once(' ').expect("COUNT NAME");
        let count = count.parse().expect("COUNT NAME");
        if !opened.iter().any(|(known, _)| known == name) {
            opened.push((name.to_string(), variant(name)));
        }
        let (_, run) =
            opened.iter_mut().find(|(known, _)| known == name).unwrap();
        let start = now_ns();
        let proof = run(count);
        let time = now_ns() - start;
        assert!(proof(), "{name}: the work was not done");
        match SPENT.swap(0, Ordering::Relaxed) {
            0 => println!("{time}"),
            part => println!("{part}"),
        }
        std::io::stdout().flush().unwrap();
    }
}
