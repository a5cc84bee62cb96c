//! Temporary directories for Tokio, removed in the background on drop.
//!
//! Create, fill and remove them without blocking the runtime. The [guide] answers common questions,
//! and has recipes for servers, applications and test suites, and tables for migrating from
//! `tempfile`, `async-tempfile` and Python. It also says [how the crate works](guide::how_it_works),
//! and what its [limitations](guide::limitations) are.
//!
//! # Example
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
//! # Which to use when
//!
//! | you want | use |
//! |---|---|
//! | a directory that lives as long as a handle | [`AsyncTempDir::new`] |
//! | a file in it | [`write`](AsyncTempDir::write), [`create`](AsyncTempDir::create), [`temp_file`](AsyncTempDir::temp_file) |
//! | to list, rename, copy, link or `chmod` what is in it | [`read_dir`](AsyncTempDir::read_dir), [`rename`](AsyncTempDir::rename), [`copy`](AsyncTempDir::copy), [`symlink`](AsyncTempDir::symlink), [`set_permissions`](AsyncTempDir::set_permissions) |
//! | to know how much is in it | [`usage`](AsyncTempDir::usage) |
//! | to compare everything in it with what you expect, or to print it | [`tree`](AsyncTempDir::tree) |
//! | an upload or a download in it | [`write_stream`](AsyncTempDir::write_stream), with [`max_len`](WriteStream::max_len) |
//! | a child's output in it, or that of any reader | [`write_reader`](AsyncTempDir::write_reader) |
//! | a fixture of many files | [`populate`](AsyncTempDir::populate) |
//! | a copy of a tree in it | [`copy_from`](AsyncTempDir::copy_from), [filtered](CopyFrom::filter), or of [hard links](CopyFrom::hard_links) |
//! | a directory for the length of a function | [`AsyncTempDir::scope`], [`Builder::scope`] |
//! | one in a constructor or a fixture that is not async | [`AsyncTempDir::new_blocking`], [`Builder::create_blocking`] |
//! | an exact name | `Builder::new().prefix("name").random_len(0)` |
//! | another parent, prefix, suffix or mode | [`AsyncTempDir::new_in`], [`with_prefix`](AsyncTempDir::with_prefix), [`Builder`] |
//! | to remove it now and see any errors | [`AsyncTempDir::close`]`().await` ([again](RemoveError::retry)) |
//! | to keep it | [`AsyncTempDir::keep`], [`persist`](AsyncTempDir::persist), [`Cleanup::Never`] |
//! | to publish it in the place of another directory | [`AsyncTempDir::replace`] |
//! | to keep it when a test fails | [`Cleanup::OnSuccess`], [`Cleanup::OnClose`], or `ASYNC_TEMPDIR_CLEANUP=on-success` ([how](guide::tests)) |
//! | to wait until a directory that other code drops is gone | [`removed`](AsyncTempDir::removed) |
//! | to wait until every dropped directory is gone | [`cleanup::idle`]`().await` |
//! | to clean up at Ctrl-C, SIGTERM or `exit` | [listen, return from `main`, or wait](guide::applications) |
//! | a test suite that cleans up after killed runs | `ASYNC_TEMPDIR_ROOT=target/tmp` ([how](guide::tests)) |
//! | the results of the last runs of a program | [`TempRoot::builder`], with [`retain`](RootBuilder::retain) |
//! | directories of a server, or of any process that may be killed | [`TempRoot::open`], then its [`temp_dir`](TempRoot::temp_dir) |
//! | to free the name of a directory at once, and delete it later | [`AsyncTempDir::adopt`], [`TempRoot::adopt`] ([how](guide::servers#free-a-name-at-once-delete-later)) |
//! | to remove any other directory tree | [`remove_dir_all`], [with progress](RemoveDirAll::on_progress) |
//!
//! # Cancellation
//!
//! Every future of this crate may be dropped at any moment.
//!
//! - A cancelled creation leaves no directory: creation and ownership are one step.
//! - A cancelled [adoption](AsyncTempDir::adopt) leaves the directory in its place, or moves it back.
//! - A cancelled operation inside a directory may or may not take effect. Removal of the directory
//!   waits for it, so the operation cannot recreate anything.
//! - A cancelled [`write_stream`](AsyncTempDir::write_stream) or
//!   [`write_reader`](AsyncTempDir::write_reader) leaves the file complete or unchanged.
//! - A cancelled [`copy_from`](AsyncTempDir::copy_from) stops soon. What it has copied is removed with the
//!   directory.
//! - A cancelled `close` continues in the background and reports failures to the
//!   [hook](cleanup::set_failure_hook).
//! - A cancelled [`persist`](AsyncTempDir::persist) or [`replace`](AsyncTempDir::replace) either
//!   publishes the directory or removes it.
//! - A cancelled [`scope`](AsyncTempDir::scope) drops its directory.
//! - A cancelled [`remove_dir_all`] that has begun continues in the background.
//!
//! [`cleanup::idle`] waits for all of these.
//!
//! # Errors
//!
//! Removals fail with a [`RemoveError`], in `remove` as the inner error of an [`std::io::Error`];
//! [`copy_from`](AsyncTempDir::copy_from) with a [`CopyError`];
//! [`persist`](AsyncTempDir::persist) and [`replace`](AsyncTempDir::replace) with a [`PersistError`],
//! which has the handle;
//! [`scope`](AsyncTempDir::scope) with a [`ScopeError`], which has the value; and everything else
//! with an [`std::io::Error`] whose inner error is a [`PathError`]. That has the path, and the operating
//! system's code:
//!
//! ```
//! use std::io;
//!
//! use async_tempdir::PathError;
//!
//! fn os_code(error: &io::Error) -> Option<i32> {
//!     let inner = error.get_ref()?.downcast_ref::<PathError>()?;
//!     inner.io_error().raw_os_error()
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # What can be left behind
//!
//! - Every directory, when the process is killed by a signal, aborts (also on a panic with
//!   `panic = "abort"`), or loses power. Directories in a [`TempRoot`] are then reclaimed by the
//!   next process that opens one of that name, and those in a root that the
//!   [environment sets](Cleanup#the-environment-sets-a-root) by the next run. Elsewhere, a
//!   distinctive [prefix](Builder::prefix) identifies leftovers.
//! - Directories that are still held or queued when the process ends by [`std::process::exit`], or
//!   returns from `main` after
//!   [`Runtime::shutdown_background`](https://docs.rs/tokio/latest/tokio/runtime/struct.Runtime.html#method.shutdown_background)
//!   or a `shutdown_timeout` that ran out. These run no destructor, or end the process while
//!   threads are at work. Drop every handle, then await [`cleanup::idle`].
//! - Directories whose handles are never dropped: leaked handles, and those in a `static`.
//! - Entries that the operating system refuses to remove. `close` returns them; a drop passes them
//!   to the [failure hook](cleanup::set_failure_hook) and counts in [`cleanup::failures`].
//! - A directory that was renamed, or whose ancestor was. It is not searched for elsewhere; if its
//!   path no longer exists, it counts as removed.
//!
//! # Security
//!
//! A directory is created exclusively, with mode 0700 and a name of 10 random characters. Methods
//! that take a path inside it resolve that path beneath the directory, with
//! [cap-std](https://docs.rs/cap-std): neither `..`, nor an absolute path, nor a planted symlink
//! leads out. A relative symlink that stays inside works; an absolute symlink is refused, even if
//! its target is inside. Anything other than a regular file is closed again as soon as that is
//! known, and opening it waits for no peer.
//!
//! This covers paths only. A hard link inside to a file outside *is* that file, and operations
//! other than removal reach into filesystems mounted inside.
//!
//! Removal works relative to open directories. It follows no symlink, enters no mount point, and
//! changes no permission outside the tree. A directory is identified by device, inode and creation
//! time. If its path now refers to something else, that is left untouched, and an error says so.
//!
//! The parent directory must be trustworthy: if other users may write to it, it must have the
//! sticky bit, as `/tmp` has. Otherwise they can replace the directory, and what you do with
//! [`path`](AsyncTempDir::path) reaches the replacement.
//!
//! # Pitfalls
//!
//! - `AsyncTempDir::new().await?;` or `let _ = …` drops the handle at once. The compiler warns
//!   about the first; name the variable `_dir` instead of `_`.
//! - `let path = AsyncTempDir::new().await?.path().to_path_buf();` keeps the path and drops the
//!   directory. So does passing [`path`](AsyncTempDir::path) to a task that outlives the handle:
//!   move the handle along, or share it as an `Arc`.
//! - A process that still writes to the directory can create files faster than they are removed, or
//!   the directory again after it is gone. Wait for it first, and for the
//!   [processes it has started](guide::applications#child-processes).
//! - An aborted task keeps its handles until the runtime drops it. Await the task before
//!   [`cleanup::idle`] and [`std::process::exit`]: `JoinSet::shutdown().await`, not `abort_all`.
//! - A directory made by path inside another, or in a [`TempRoot`], with
//!   [`AsyncTempDir::new_in`]`(&outer)`, is unknown to `outer`. Removal of `outer` does not wait for
//!   it, and may reach it while it is being [persisted](AsyncTempDir::persist). Make it with
//!   [`temp_dir`](AsyncTempDir::temp_dir), [`Builder::inside`] or [`TempRoot::dir_builder`].
//! - If a handle is dropped outside any runtime, and the one that it was created in is gone or never
//!   was, the dropping thread removes the directory, and blocks that long.
//!
//! # Features
//!
//! - `bytes`: converts a `Bytes` of the `bytes` crate into [`Contents`] without copying it.
//! - `tracing`: emits, through the `tracing` crate, a warning for every directory that a drop could
//!   not remove completely, and a debug span around every removal. With or without it, the
//!   crate prints nothing but the path of a directory that [`Cleanup::OnSuccess`],
//!   [`Cleanup::OnClose`] or the [environment](Cleanup#the-environment-keeps-more) keeps, on stderr.

#![forbid(unsafe_code)]

mod blocking;
pub mod cleanup;
mod copy;
mod dir;
#[cfg(any(doc, doctest))]
pub mod guide;
mod owned;
mod reclaim;
mod removal;
mod remove;
mod root;
mod sys;
mod tree;
mod usage;
mod util;
#[cfg(unix)]
mod walk;

pub use copy::{Copied, CopyError, CopyFailure, CopySide};
pub use dir::{
    AsyncTempDir, Builder, Contents, CopyFrom, DirEntry, FileType, OpenOptions, Persist,
    PersistError, ReadDir, ReaderChunks, ScopeError, WriteStream,
};
pub use owned::{Cleanup, Ending, WaitForRemoval};
pub use reclaim::Reclaimed;
pub use removal::{RemoveDirAll, remove_dir_all};
pub use remove::{RemoveError, RemoveFailure, Removed};
pub use root::{RootBuilder, TempRoot};
pub use tree::{ExpectedTree, Tree, TreeDiff, TreeEntry, TreeKind};
pub use usage::Usage;
pub use util::PathError;

/// The error of the methods of a [`TempFile`], which are async-tempfile's.
#[doc(inline)]
pub use async_tempfile::Error as TempFileError;
/// A file of [`AsyncTempDir::temp_file`]; the type is async-tempfile's.
#[doc(inline)]
pub use async_tempfile::TempFile;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
