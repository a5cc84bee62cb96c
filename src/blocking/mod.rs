//! Runs closures on Tokio's blocking pool, and sends their values back to futures.

pub(crate) mod oneshot;
pub(crate) mod operations;
pub(crate) mod outside;
pub(crate) mod pending;
pub(crate) mod queue;
pub(crate) mod spawn;
pub(crate) mod spin;
