//! In applications: how a process ends without leftovers, and how a directory is published.
//!
//! # The end of the process
//!
//! **`main` returns.** Nothing has to be done: the tasks end with the runtime, their handles are
//! dropped with them, and what they have begun to remove is removed before the runtime's end.
//!
//! **Ctrl-C** ends the process at once unless somebody listens, and so does SIGTERM, which service
//! managers and containers send. So listen, and return:
//!
//! ```no_run
//! # use async_tempdir::AsyncTempDir;
//! # async fn work() -> std::io::Result<()> { Ok(()) }
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     tokio::select! {
//!         biased; // listened for before there is anything to leave behind
//!         interrupted = tokio::signal::ctrl_c() => interrupted,
//!         worked = work() => worked,
//!     }
//! }
//! ```
//!
//! From then on a second Ctrl-C does nothing. For SIGTERM there is one more arm, with `tokio::signal::unix::signal`: both examples,
//! `graceful_shutdown` and `upload_server`, have it.
//!
//! **[`std::process::exit`]** runs no destructor and waits for no thread. Drop every handle, then
//! wait:
//!
//! ```no_run
//! use async_tempdir::cleanup;
//! use tokio::task::JoinSet;
//!
//! async fn exit(mut tasks: JoinSet<()>, code: i32) -> ! {
//!     // An aborted task has its handles until the runtime has dropped it: `abort` alone, or a
//!     // dropped `JoinSet`, is not enough.
//!     tasks.shutdown().await;
//!     cleanup::idle().await;
//!     std::process::exit(code)
//! }
//! ```
//!
//! The example `graceful_shutdown` does all of this; with `-- exit`, the impatient may press Ctrl-C
//! again.
//!
//! # Child processes
//!
//! They work in it like in any other directory. A relative path is theirs to use, and what
//! [`write`](crate::AsyncTempDir::write) returns is absolute:
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use async_tempdir::AsyncTempDir;
//! use tokio::process::Command;
//!
//! let dir = AsyncTempDir::new().await?;
//! let list = dir.write("list.txt", "b\na\n").await?;
//! let status = Command::new("sort")
//!     .arg(list)
//!     .args(["-o", "sorted.txt"])
//!     .current_dir(&dir)
//!     .kill_on_drop(true) // or it outlives the directory, if this future is dropped
//!     .status()
//!     .await?;
//! assert!(status.success());
//! assert_eq!(dir.read_to_string("sorted.txt").await?, "a\nb\n");
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
//!
//! # Publishing
//!
//! [`persist`](crate::AsyncTempDir::persist) moves a finished directory to its place by one rename:
//! nobody sees half of it. When that fails, the error has the handle.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use std::io::ErrorKind;
//!
//! use async_tempdir::AsyncTempDir;
//!
//! # let outer = AsyncTempDir::new().await?;
//! let www: &std::path::Path = // where the site is to be
//! #   outer.path();
//! # /*
//!     "/srv/www".as_ref();
//! # */
//! // Beside the target, for a rename does not leave the filesystem.
//! let site = AsyncTempDir::new_in(www).await?;
//! site.write("index.html", "<h1>Hello</h1>").await?;
//!
//! let error = site.persist(www.join("missing/site")).await.unwrap_err();
//! assert_eq!(error.error().kind(), ErrorKind::NotFound);
//! let site = error.into_dir(); // as it was; dropped, it would be removed
//!
//! let published = site.persist(www.join("site")).await?;
//! assert!(published.join("index.html").exists());
//! # outer.close().await?;
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
//!
//! The example `publish` replaces an older version, too.
