//! The life of daemons: saved, loaded, spawned, stopped and recovered.
use crate::daemons::{Blob, Sink};
use crate::{add, key, now_ns, spent, Run};
use net::adapter::net::compute::{
    DaemonHost, DaemonHostConfig, DaemonRegistry, RecoveryRegistry,
};
use net::adapter::net::identity::EntityKeypair;
use net::adapter::net::state::snapshot::StateSnapshot;
use std::fs;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

const BURST: u64 = 64;

fn blob(len: usize) -> (DaemonRegistry, u64, Vec<u8>) {
    let state: Vec<u8> = (0..len).map(|i| (i * 31 >> 3) as u8).collect();
    let registry = DaemonRegistry::new();
    let id = add(&registry, 0, Box::new(Blob(state.clone())));
    (registry, id, state)
}

fn take(registry: &DaemonRegistry, id: u64) -> Vec<u8> {
    registry.snapshot(id).unwrap().unwrap().to_bytes()
}

fn read(image: &[u8]) -> StateSnapshot {
    StateSnapshot::from_bytes(image).unwrap()
}

/// A snapshot as bytes; nothing is hashed.
pub fn save(len: usize) -> Run {
    let (registry, id, state) = blob(len);
    Box::new(move |count| {
        let mut last = Vec::new();
        for _ in 0..count {
            last = black_box(take(&registry, id));
        }
        let state = state.clone();
        Box::new(move || read(&last).state == state)
    })
}

/// The same, and a host of those bytes.
pub fn save_and_load(len: usize) -> Run {
    let (registry, id, state) = blob(len);
    let owner = key(0);
    Box::new(move |count| {
        let mut last = Vec::new();
        for _ in 0..count {
            last = take(&registry, id);
            let host = DaemonHost::from_snapshot(
                Box::new(Blob(Vec::new())),
                owner.clone(),
                &read(&last),
                DaemonHostConfig::default(),
            );
            black_box(host.unwrap());
        }
        let state = state.clone();
        Box::new(move || read(&last).state == state)
    })
}

/// The identities are there already; cloning them is not counted.
pub fn spawn_and_stop() -> Run {
    let registry = DaemonRegistry::new();
    let keys: Vec<EntityKeypair> = (0..BURST).map(key).collect();
    Box::new(move |count| {
        let (mut time, mut born) = (0, 0);
        for _ in 0..count / BURST {
            let burst = keys.clone();
            let start = now_ns();
            for key in burst {
                let sink = Box::new(Sink);
                let config = DaemonHostConfig::default();
                let host = DaemonHost::new(sink, key, config);
                registry.register(host).unwrap();
            }
            born += registry.count() as u64;
            for key in &keys {
                registry.unregister(key.origin_hash()).unwrap();
            }
            time += now_ns() - start;
        }
        spent(time);
        Box::new(move || born == count)
    })
}

/// Bytes that are resident.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// The memory of daemons and of their identities.
pub fn idle() -> Run {
    let registry = Arc::new(DaemonRegistry::new());
    Box::new(move |count| {
        let before = resident();
        for number in 0..count {
            add(&registry, number, Box::new(Sink));
        }
        spent(resident() - before);
        let registry = registry.clone();
        Box::new(move || registry.count() as u64 == count)
    })
}

/// A pass over handlers that find nothing to do.
pub fn recovery_pass(handlers: u64) -> Run {
    let registry = RecoveryRegistry::new();
    let calls = Arc::new(AtomicU64::new(0));
    for _ in 0..handlers {
        let calls = calls.clone();
        registry.register(Box::new(move || {
            let so_far = calls.load(Ordering::Relaxed);
            calls.store(so_far + 1, Ordering::Relaxed);
            Vec::new()
        }));
    }
    Box::new(move |count| {
        for _ in 0..count {
            black_box(registry.try_run_all());
        }
        let calls = calls.swap(0, Ordering::Relaxed);
        Box::new(move || calls == count * handlers)
    })
}
