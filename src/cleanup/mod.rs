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
mod watchdog;

pub(crate) use doomed::{Doomed, What};
pub(crate) use lane::Lane;
pub(crate) use pending::Pending;
pub(crate) use report::{Verdict, report};

pub use pending::{idle, pending};
pub use report::{failures, set_failure_hook};

/// How many threads of one runtime's blocking pool remove dropped directories at the same time, at
/// most.
///
/// Directories dropped beyond that wait in a queue, which holds a few hundred bytes for each. Usually
/// it is half the processors, so that the application keeps the others. Removals that do not get on
/// (huge directories, a slow disk, a filesystem that hangs) hold up those behind them for some 20 ms:
/// then another thread of the pool joins in, up to this number.
///
/// In a pool that is saturated by the application's own calls, removals wait in line as those do. A
/// thread that they get they keep for as long as they waited for it, or until those are done that
/// waited by then; in an idle pool, for 5 ms. So neither starves the other, also where the runtime has
/// few blocking threads (`max_blocking_threads`).
///
/// While directories wait, the process has one thread besides, which belongs to no runtime and does
/// nothing but look whether they get on.
pub const MAX_THREADS: usize = 4;
