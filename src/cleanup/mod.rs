//! Background removal: what happens to a directory after its handle was dropped.
//!
//! A drop hands its directory to the *lane* of the runtime it was created on and costs the calling
//! thread microseconds, whatever the directory holds. At most [`MAX_THREADS`] threads of that
//! runtime's blocking pool then remove what the lane holds. If the runtime is shutting down or
//! gone, another one that the dropping thread is in does it, and if there is none, the dropping
//! thread itself: then the drop takes as long as the removal.
//!
//! # For operators
//!
//! [`pending`] is a gauge, [`failures`] a counter, [`set_failure_hook`] the place to log, and
//! [`idle`] the last line before [`std::process::exit`]. How to export them, and what to do when directories
//! are dropped faster than the disk deletes them: [guide](crate::guide::servers).

mod doomed;
mod lane;
mod pending;
mod report;

pub(crate) use doomed::{Doomed, What};
pub(crate) use lane::Lane;
pub(crate) use pending::Pending;
pub(crate) use report::{Verdict, report};

pub use pending::{idle, pending};
pub use report::{failures, set_failure_hook};

/// How many threads of one runtime's blocking pool remove dropped directories at the same time.
///
/// Directories dropped beyond that wait in a queue, which holds a few hundred bytes for each. On a
/// small machine it is fewer, so that the application keeps half the processors. Where the runtime
/// has few blocking threads (`max_blocking_threads`), a worker gives its thread up every few
/// milliseconds, between two directories, so that `tokio::fs` calls in the same pool get their
/// turn.
pub const MAX_THREADS: usize = 4;
