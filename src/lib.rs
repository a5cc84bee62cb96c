//! Temporary directories for programs that await: created, filled and removed without blocking
//! the runtime, and never left behind.
//!
//! New here, or coming from `tempfile` or Python? The [guide] answers the four questions that
//! everybody has, and has a page for each of these, for servers, applications and test suites.
//!
//! # Which to use when
//!
//! | you want | use |
//! |---|---|
//! | a directory for as long as a handle lives | [`AsyncTempDir::new`] |
//! | a file in it | [`write`](AsyncTempDir::write), [`create`](AsyncTempDir::create), [`temp_file`](AsyncTempDir::temp_file) |
//! | an upload or a download in it | [`write_stream`](AsyncTempDir::write_stream) |
//! | a fixture of many files | [`populate`](AsyncTempDir::populate) |
//! | one for the length of a function | [`AsyncTempDir::scope`] |
//! | exactly that name | `Builder::new().prefix("name").random_len(0)` |
//! | another parent, prefix, suffix or mode | [`AsyncTempDir::new_in`], [`with_prefix`](AsyncTempDir::with_prefix), [`Builder`] |
//! | it removed now, and to know how that went | [`AsyncTempDir::close`]`().await` |
//! | it kept | [`AsyncTempDir::keep`], [`persist`](AsyncTempDir::persist), [`Cleanup::Never`] |
//! | to keep it when a test fails | [`Cleanup::OnSuccess`], or `ASYNC_TEMPDIR_CLEANUP=on-success` ([how](guide::tests)) |
//! | to wait until everything dropped is gone | [`cleanup::idle`]`().await` |
//! | to clean up at Ctrl-C, SIGTERM or `exit` | [listen, return from `main`, or wait](guide::applications) |
//! | directories of a server, or of whatever may be killed | [`TempRoot::open`], then its [`temp_dir`](TempRoot::temp_dir) |
//! | to remove any other directory tree | [`remove_dir_all`] |
//!
//! # Quick example
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use async_tempdir::AsyncTempDir;
//!
//! let dir = AsyncTempDir::new().await?;
//! let config = dir.write("etc/app.toml", "port = 0\n").await?;
//! assert!(config.is_absolute()); // ready for a child process
//! assert_eq!(dir.read_to_string("etc/app.toml").await?, "port = 0\n");
//!
//! dir.close().await?; // or drop it: removed in the background
//! assert!(!config.exists());
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
//!
//! # How it works
//!
//! Whatever touches the disk runs on Tokio's blocking pool, the one behind `tokio::fs`, and each
//! operation is one closure there (a stream: one for each batch): a hop to the pool and back costs
//! more than the few system calls that it carries. With many operations at a time, the threads that
//! are awake carry out one after the other; none of them waits for one that takes long.
//!
//! A handle has no descriptor of its own, so that ten thousand cost none; the first 16 directories
//! of the process that are worked in keep theirs open between two operations (not on Windows).
//!
//! Dropping a handle puts its directory into the queue of the runtime that it was created on, which
//! takes microseconds whatever the directory holds, and at most
//! [`cleanup::MAX_THREADS`] threads of that runtime's pool empty the queue. If that runtime is
//! shutting down, or gone, or the system gives no thread, the removal runs on the runtime that the
//! dropping thread is in, or, if there is none, right in the drop, which then takes that long.
//! Work that has started is awaited by Tokio when the runtime is dropped: a `#[tokio::test]` that
//! returns has cleaned up.
//!
//! # Cancellation
//!
//! Every future of this crate may be dropped at any moment.
//!
//! - A cancelled creation leaves no directory: it is created and owned in one piece.
//! - A cancelled operation inside a directory may have happened or not. The directory is not
//!   removed before the operation has ended, so that it brings nothing back.
//! - A cancelled [`write_stream`](AsyncTempDir::write_stream) leaves the file whole, or as it was.
//! - A cancelled `close` goes on in the background, and its failures go to the
//!   [hook](cleanup::set_failure_hook).
//! - A cancelled [`persist`](AsyncTempDir::persist) has published the directory or removed it.
//! - A cancelled [`scope`](AsyncTempDir::scope) drops its directory.
//!
//! [`cleanup::idle`] waits for all of these.
//!
//! # What can be left behind
//!
//! - Everything, when the process is killed by a signal, aborts (also a panic with
//!   `panic = "abort"`), or loses power. What is made in a [`TempRoot`] is then taken back by the
//!   next process that opens one. Without, give directories a [prefix](Builder::prefix) of your
//!   own, so that whatever remains can be told from others'.
//! - What handles still hold, and what is still queued, when the process ends by
//!   [`std::process::exit`], or returns from `main` after
//!   [`Runtime::shutdown_background`](https://docs.rs/tokio/latest/tokio/runtime/struct.Runtime.html#method.shutdown_background)
//!   or a `shutdown_timeout` that ran out: these run no destructor, or end the process while threads
//!   are at work. Drop every handle, then await [`cleanup::idle`].
//! - Handles that are never dropped: leaked ones, and those in a `static`.
//! - What the operating system refuses to remove. `close` returns it, a drop passes it to the
//!   [failure hook](cleanup::set_failure_hook) and counts it in [`cleanup::failures`].
//! - A directory that somebody renamed, or above which somebody renamed another: it is not looked
//!   for elsewhere, and nothing under its name counts as removed.
//!
//! # Security
//!
//! A directory is created exclusively, with mode 0700 and a name of 10 random characters. The
//! methods that take a path inside it resolve that beneath the directory, with
//! [cap-std](https://docs.rs/cap-std): neither `..`, nor an absolute path, nor a symlink that
//! somebody planted leads out. A relative symlink that stays inside works; an absolute one counts as
//! leading out, wherever it leads. What is no regular file is not opened for longer than it takes
//! to see that, and without waiting for its other end.
//!
//! That is about paths. A hard link that somebody made inside to a file outside *is* that file, and
//! what is mounted inside is part of the directory until it is removed.
//!
//! Removal works relative to open directories and follows no symlink, enters no mount point, and
//! changes no permission outside the tree. A directory is known by device, inode and time of
//! birth: if something else has its name, that is left alone, and the operation says so.
//!
//! The directory *around* must be trustworthy: one that others may write to has to have the
//! sticky bit, as `/tmp` has. Otherwise they can put something else in its place, and what you do
//! with [`path`](AsyncTempDir::path) reaches that.
//!
//! # Pitfalls
//!
//! - `AsyncTempDir::new().await?;` or `let _ = …` drops the handle at once. The compiler warns of
//!   the first; name the variable `_dir` instead of `_`.
//! - `let path = AsyncTempDir::new().await?.path().to_path_buf();` keeps the path and drops the
//!   directory. So does [`path`](AsyncTempDir::path) passed to a task that outlives the handle:
//!   move the handle along, or share it as an `Arc`.
//! - A child process that still writes there when the directory is removed can make files faster
//!   than they are removed; wait for it first.
//! - A task that was aborted has its handles until the runtime has dropped it. Await the task before
//!   [`cleanup::idle`] and [`std::process::exit`]: `JoinSet::shutdown().await`, not `abort_all`.
//! - A directory made by path inside another, with [`AsyncTempDir::new_in`]`(&outer)`, is unknown to
//!   `outer`, whose removal does not wait for it, and may reach it while it is being
//!   [persisted](AsyncTempDir::persist). Make it with [`temp_dir`](AsyncTempDir::temp_dir).
//! - A handle that outlives its runtime is dropped where no other runtime is: then the dropping
//!   thread removes, and waits that long.
//!
//! # Limitations
//!
//! - It needs a Tokio runtime: creation outside one is an error.
//! - Where the system gives the runtime's pool no thread, operations fail, and removals are carried
//!   out by the calling thread. That Tokio panics then is caught; its message still stands on
//!   stderr, and with `panic = "abort"` the process ends. If the pool has threads, and all are busy,
//!   both wait for one of those, or for the next operation, which asks for another. (Before Tokio
//!   1.54.0, also if the only threads are a multi-thread runtime's own.)
//! - Of the Unix systems, Linux alone (Android apart) tells reliably when a directory was born, and
//!   there most filesystems do. Without that, or within one tick of the kernel's clock after its
//!   creation (1 to 10 ms), a replacement that gets the same inode number is taken for the original.
//! - Between the last look at a directory and the system call that removes it, somebody who may
//!   write to the parent can replace it by another empty directory, which then goes.
//! - There are no signal handlers here, and no list of directories on disk: a [`TempRoot`] is found
//!   by its name and its lock. Install your own
//!   handler, end the runtime, and let the handles drop.
//! - A forked child (`fork` without `exec`) removes nothing. Its copies of the handles are dead:
//!   what is asked of them is an error. [`cleanup::idle`] is not for it either.
//! - Filesystems whose inode numbers are not stable (some of FUSE, vfat) make a directory look
//!   replaced: it then stays, and is reported. Without `/proc`, Linux cannot give its owner's
//!   rights back to a directory that has none.
//!
//! # Features
//!
//! - `tracing`: through the `tracing` crate, a warning for every directory that a drop could not
//!   remove completely, and a debug span around every removal. Nothing is printed, with or without,
//!   but for the path that [`Cleanup::OnSuccess`] keeps, on stderr.

#![forbid(unsafe_code)]

mod builder;
pub mod cleanup;
mod close;
mod contents;
mod create;
mod dir;
mod errands;
mod error;
#[cfg(any(doc, doctest))]
pub mod guide;
mod name;
mod owned;
mod policy;
mod pool;
mod queue;
mod remove;
mod reply;
mod root;
mod scope;
mod sync;
mod sys;

pub use builder::Builder;
pub use dir::AsyncTempDir;
pub use error::PersistError;
pub use policy::Cleanup;
pub use remove::{Removal, RemoveDirAll, RemoveError, RemoveFailure, Removed, remove_dir_all};
pub use root::{Reclaimed, TempRoot};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
