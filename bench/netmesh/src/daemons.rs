//! The daemons: one without output that adds up numbers, one that echoes, and
//! one that is a state of some bytes.
use bytes::Bytes;
use net::adapter::net::behavior::capability::CapabilityFilter;
use net::adapter::net::compute::{DaemonError, MeshDaemon};
use net::adapter::net::state::causal::CausalEvent;
use std::sync::atomic::{AtomicU64, Ordering};

/// Loads and stores only: it costs what a plain number costs.
static SUM: AtomicU64 = AtomicU64::new(0);

pub struct Sink;

impl Sink {
    /// The sum so far; the next begins at 0.
    pub fn take() -> u64 {
        let sum = SUM.load(Ordering::Relaxed);
        SUM.store(0, Ordering::Relaxed);
        sum
    }
}

impl MeshDaemon for Sink {
    fn name(&self) -> &str {
        "sink"
    }

    fn requirements(&self) -> CapabilityFilter {
        CapabilityFilter::default()
    }

    fn process(
        &mut self,
        event: &CausalEvent,
    ) -> Result<Vec<Bytes>, DaemonError> {
        let number = u64::from_le_bytes(event.payload[..8].try_into().unwrap());
        let sum = SUM.load(Ordering::Relaxed);
        SUM.store(sum.wrapping_add(number), Ordering::Relaxed);
        Ok(Vec::new())
    }
}

pub struct Echo;

impl MeshDaemon for Echo {
    fn name(&self) -> &str {
        "echo"
    }

    fn requirements(&self) -> CapabilityFilter {
        CapabilityFilter::default()
    }

    fn process(
        &mut self,
        event: &CausalEvent,
    ) -> Result<Vec<Bytes>, DaemonError> {
        Ok(vec![event.payload.clone()])
    }
}

pub struct Blob(pub Vec<u8>);

impl MeshDaemon for Blob {
    fn name(&self) -> &str {
        "blob"
    }

    fn requirements(&self) -> CapabilityFilter {
        CapabilityFilter::default()
    }

    fn process(
        &mut self,
        _event: &CausalEvent,
    ) -> Result<Vec<Bytes>, DaemonError> {
        Ok(Vec::new())
    }

    fn snapshot(&self) -> Option<Bytes> {
        Some(Bytes::copy_from_slice(&self.0))
    }

    fn restore(&mut self, state: Bytes) -> Result<(), DaemonError> {
        self.0 = state.to_vec();
        Ok(())
    }

    fn is_stateful(&self) -> bool {
        true
    }
}
