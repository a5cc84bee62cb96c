//! In applications: ending without leftovers, child processes, and publishing a directory.
//!
//! # The end of the process
//!
//! **`main` returns.** Nothing has to be done: the tasks end with the runtime, which drops their
//! handles, and removals that have started finish before the runtime ends.
//!
//! **Ctrl-C** ends the process at once unless it listens for the signal. So does SIGTERM, which
//! service managers and containers send. Listen, and return. This needs Tokio's feature `signal`:
//!
//! ```no_run
//! # #[cfg(unix)]
//! # mod unix {
//! use std::process::ExitCode;
//!
//! use tokio::signal::unix::{SignalKind, signal};
//!
//! # async fn work() -> std::io::Result<()> { Ok(()) }
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     let mut terminate = signal(SignalKind::terminate()).expect("a handler can be set");
//!     tokio::select! {
//!         biased; // listens before there is anything to leave behind
//!         _ = tokio::signal::ctrl_c() => ExitCode::from(130), // what a shell reports then
//!         _ = terminate.recv() => ExitCode::from(143),
//!         worked = work() => match worked {
//!             Ok(()) => ExitCode::SUCCESS,
//!             Err(error) => {
//!                 eprintln!("error: {error}");
//!                 ExitCode::FAILURE
//!             }
//!         },
//!     }
//! }
//! # }
//! # fn main() {}
//! ```
//!
//! From then on, a second Ctrl-C does nothing. Returning takes as long as the removals take, also of
//! a [`remove_dir_all`](crate::remove_dir_all) that has begun; `std::process::exit` does not wait.
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
//! The example [`graceful_shutdown`] does all of this; with `-- exit`, a second Ctrl-C ends it at
//! once.
//!
//! [`graceful_shutdown`]: https://docs.rs/crate/async-tempdir/latest/source/examples/graceful_shutdown.rs
//!
//! # An option to keep the directory
//!
//! For a `--keep` of your own, decide at the end, because [`close`](crate::AsyncTempDir::close)
//! removes the directory whatever its policy is:
//!
//! ```
//! # use async_tempdir::AsyncTempDir;
//! async fn end(dir: AsyncTempDir, keep: bool) -> std::io::Result<()> {
//!     if keep {
//!         println!("kept: {}", dir.keep().display());
//!     } else {
//!         dir.close().await?;
//!     }
//!     Ok(())
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Child processes
//!
//! Child processes use the directory like any other. They may use relative paths, and
//! [`write`](crate::AsyncTempDir::write) returns an absolute one. `tokio::process` is Tokio's
//! feature `process`:
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
//!     .kill_on_drop(true) // if this future is dropped
//!     .status()
//!     .await?;
//! assert!(status.success());
//! assert_eq!(dir.read_to_string("sorted.txt").await?, "a\nb\n");
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
//!
//! `kill_on_drop` kills the child, but not processes that the child has started. A process that runs
//! on and knows the path can create the directory again after a removal that succeeded. On Unix,
//! give the child a process group, and kill that:
//!
//! ```
//! # #[cfg(unix)]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use std::time::Duration;
//!
//! use async_tempdir::AsyncTempDir;
//! use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
//! use tokio::process::Command;
//! use tokio::time::{sleep, timeout};
//!
//! let dir = AsyncTempDir::new().await?;
//! let mut child = Command::new("sh")
//!     .args(["-c", "while mkdir -p $0/x; do :; done & sleep 60"])
//!     .arg(dir.path())
//!     .current_dir(&dir)
//!     .process_group(0)
//!     .spawn()?;
//! let group = child.id().and_then(|id| Pid::from_raw(id as i32)).expect("it has not ended");
//! # /*
//! let limit = Duration::from_secs(2);
//! # */
//! # let limit = Duration::from_millis(50);
//! let _in_time = timeout(limit, child.wait()).await;
//! // The child may have ended, and others of the group not. If none is left, this is an error.
//! let _ = kill_process_group(group, Signal::KILL);
//! child.wait().await?;
//! // The others end at the next chance. They are there until init has waited for them, which in a
//! // container may be never, but do nothing any more.
//! let gone = async {
//!     while test_kill_process_group(group).is_ok() {
//!         sleep(Duration::from_millis(1)).await;
//!     }
//! };
//! let _ = timeout(Duration::from_millis(200), gone).await;
//! let path = dir.path().to_path_buf();
//! dir.close().await?;
//! assert!(!path.exists());
//! # Ok::<(), std::io::Error>(())
//! # }
//! # #[cfg(not(unix))]
//! # fn main() {}
//! ```
//!
//! # Publishing
//!
//! [`persist`](crate::AsyncTempDir::persist) moves a finished directory to its place by an atomic
//! rename, so that no reader sees half of it. [`replace`](crate::AsyncTempDir::replace) puts it in the
//! place of the version before, and no reader sees nothing. If that fails, the error returns the handle;
//! as an `io::Error`, also by `?`, it keeps the directory and says where.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use std::io::ErrorKind;
//!
//! use async_tempdir::TempRoot;
//!
//! # let outer = async_tempdir::AsyncTempDir::new().await?;
//! let www: &std::path::Path = // where the site goes
//! #   outer.path();
//! # /*
//!     "/srv/www".as_ref();
//! # */
//! // A root beside the site: on another filesystem, the site would have to be copied; and if the
//! // process is killed, the next one removes what is unfinished, or was replaced.
//! let root = TempRoot::open_in(".unfinished", www).await?;
//! for version in 1..=2 {
//!     let site = root.temp_dir().await?;
//!     site.write("index.html", format!("<h1>Version {version}</h1>")).await?;
//!     // Temporary directories are private (mode 0700). A web server is another user. What is inside
//!     // has the modes that the umask leaves.
//!     let old = site.replace(www.join("site")).default_permissions().await?;
//!     drop(old); // removed in the background; or kept, or published as a backup
//! }
//! let index = tokio::fs::read(www.join("site/index.html")).await?;
//! assert_eq!(index, b"<h1>Version 2</h1>");
//!
//! let site = root.temp_dir().await?;
//! let error = site.persist(www.join("missing/site")).await.unwrap_err();
//! assert_eq!(error.error().kind(), ErrorKind::NotFound);
//! let site = error.into_dir(); // unchanged; dropping it would remove it
//! site.persist(www.join("new")).sync(true).await?; // survives a loss of power
//! # root.close().await?;
//! # outer.close().await?;
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
//!
//! A reader that goes by path from file to file may get some of each version. To rule that out, it opens
//! the directory once and works relative to that; or publish each version under a name of its own, and have
//! the readers resolve a symlink once, which you switch by renaming a new one over it. `replace` refuses a
//! symlink.
//!
//! The example [`workspace`] starts from the other end: it copies a project, has a child process change the
//! copy, and replaces the project by it if the child succeeds.
//!
//! [`workspace`]: https://docs.rs/crate/async-tempdir/latest/source/examples/workspace.rs
//!
//! Before you move a directory in any other way than by `persist` or `replace`, call
//! [`keep`](crate::AsyncTempDir::keep): the handle does not follow it, and removes nothing that has
//! taken its place.
