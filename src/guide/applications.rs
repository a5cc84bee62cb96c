//! In applications: ending without leftovers, child processes, and publishing a directory.
//!
//! # The end of the process
//!
//! **`main` returns.** Nothing has to be done: the tasks end with the runtime, which drops their
//! handles, and removals that have started finish before the runtime ends.
//!
//! **Ctrl-C** ends the process at once unless it listens for the signal. So does SIGTERM, which
//! service managers and containers send. Listen, and return:
//!
//! ```no_run
//! # use async_tempdir::AsyncTempDir;
//! # async fn work() -> std::io::Result<()> { Ok(()) }
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     tokio::select! {
//!         biased; // listens before there is anything to leave behind
//!         interrupted = tokio::signal::ctrl_c() => interrupted,
//!         worked = work() => worked,
//!     }
//! }
//! ```
//!
//! From then on, a second Ctrl-C does nothing. For SIGTERM, add an arm with
//! `tokio::signal::unix::signal`, as the examples `graceful_shutdown` and `upload_server` do.
//!
//! **[`std::process::exit`]** runs no destructor and waits for no thread. Drop every handle, then
//! wait:
//!
//! ```no_run
//! use async_tempdir::cleanup;
//! use tokio::task::JoinSet;
//!
//! async fn exit(mut tasks: JoinSet<()>, code: i32) -> ! {
//!     // An aborted task keeps its handles until the runtime drops it: `abort` alone, or a
//!     // dropped `JoinSet`, is not enough.
//!     tasks.shutdown().await;
//!     cleanup::idle().await;
//!     std::process::exit(code)
//! }
//! ```
//!
//! The example `graceful_shutdown` does all of this; with `-- exit`, a second Ctrl-C ends it at
//! once.
//!
//! # Child processes
//!
//! Child processes use the directory like any other. They may use relative paths, and
//! [`write`](crate::AsyncTempDir::write) returns an absolute one:
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
//!     .kill_on_drop(true) // otherwise it outlives the directory if this future is dropped
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
//! [`persist`](crate::AsyncTempDir::persist) moves a finished directory to its place by an atomic
//! rename, so that no reader sees half of it. If that fails, the error returns the handle.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use std::io::ErrorKind;
//!
//! use async_tempdir::AsyncTempDir;
//!
//! # let outer = AsyncTempDir::new().await?;
//! let www: &std::path::Path = // where the site goes
//! #   outer.path();
//! # /*
//!     "/srv/www".as_ref();
//! # */
//! // Beside the target, because a rename cannot cross filesystems.
//! let site = AsyncTempDir::new_in(www).await?;
//! site.write("index.html", "<h1>Hello</h1>").await?;
//!
//! let error = site.persist(www.join("missing/site")).await.unwrap_err();
//! assert_eq!(error.error().kind(), ErrorKind::NotFound);
//! let site = error.into_dir(); // unchanged; dropping it would remove it
//!
//! // Temporary directories are private (mode 0700). A web server is another user:
//! # #[cfg(unix)]
//! tokio::fs::set_permissions(&site, std::os::unix::fs::PermissionsExt::from_mode(0o755)).await?;
//! let published = site.persist(www.join("site")).await?;
//! assert!(published.join("index.html").exists());
//! # outer.close().await?;
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
//!
//! The example `publish` also replaces an older version.
