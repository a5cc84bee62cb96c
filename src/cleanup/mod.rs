//! Controls and observes background removal of dropped directories.
//!
//! Dropping a handle queues its directory on the runtime that created it, which takes microseconds
//! whatever the directory holds. At most [`MAX_THREADS`] threads of that runtime's blocking pool
//! process the queue. If there is no such runtime, or it is shutting down or gone, or the system gives
//! it no thread, the removal runs on another runtime if the dropping thread is in one. Otherwise the drop itself
//! removes the directory, and takes that long.
//!
//! # For operators
//!
//! Export [`pending`] as a gauge and [`failures`] as a counter, log in [`set_failure_hook`], and
//! await [`idle`] before [`std::process::exit`]. The [guide](crate::guide::servers) shows how, and
//! what to do when directories are dropped faster than the disk deletes them.

mod job;
mod queued;
mod queues;
mod report;
mod watchdog;

pub(crate) use job::{RemovalJob, unlink};
pub(crate) use queues::RuntimeQueues;
pub(crate) use report::{ReportOnDrop, report};

pub use crate::blocking::pending::{idle, pending};
pub use report::{failures, set_failure_hook};

/// The maximum number of threads per runtime that remove dropped directories at the same time.
///
/// They belong to the runtime's blocking pool. Further directories wait in a queue, which takes a
/// few hundred bytes for each. Usually half as many threads as processors are used, so that the
/// application keeps the others. If removals make no progress for some 20 ms (huge directories, a
/// slow disk, a filesystem that hangs), another thread of the pool joins in, up to this number.
///
/// In a pool saturated by the application's own calls, removals wait in line like those calls. They
/// keep a thread for 5 ms, and in such a pool longer: for as long as they waited for it, or until
/// the removals queued by then are done. So neither starves the other, even if the runtime has few
/// blocking threads (`max_blocking_threads`).
///
/// While directories wait, and for ten seconds after that, the process has one more thread, which
/// belongs to no runtime and only checks whether the removals make progress.
pub const MAX_THREADS: usize = 4;
