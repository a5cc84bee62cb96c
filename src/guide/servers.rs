//! In servers: a directory for each request, removed however the request ends.
//!
//! The example [`upload_server`], with axum, is complete: it streams uploads into a directory, has a
//! child process look at them, responds, removes them, and ends on a signal.
//!
//! [`upload_server`]: https://docs.rs/crate/async-tempdir/latest/source/examples/upload_server.rs
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use async_tempdir::{AsyncTempDir, TempRoot, cleanup};
//! use futures::{Stream, stream};
//!
//! /// Handles a request. If the client hangs up, the future is dropped and the directory removed.
//! async fn upload(
//!     root: &TempRoot,
//!     name: &str, // as the client sent it: a path that leads out is an error
//!     body: impl Stream<Item = std::io::Result<Vec<u8>>>,
//! ) -> std::io::Result<u64> {
//!     let dir = root.temp_dir().await?;
//!     let bytes = dir.write_stream(name, body).max_len(1 << 30).await?;
//!     dir.close().await?;
//!     Ok(bytes)
//! }
//!
//! # let outer = AsyncTempDir::new().await?;
//! # let my_server = "my-server";
//! // At the start. Leftovers of a killed predecessor are removed in the background.
//! # /*
//! let root = TempRoot::open("my-server").await?;
//! # */
//! # let root = TempRoot::open_in(my_server, outer.path()).await?;
//!
//! let body = || stream::iter([Ok(b"hello".to_vec())]); // of a request
//! assert_eq!(upload(&root, "a.txt", body()).await?, 5);
//! assert!(upload(&root, "../a.txt", body()).await.is_err());
//!
//! // At the end, when no request is left.
//! root.close().await?;
//! cleanup::idle().await; // if `std::process::exit` is to follow
//! # outer.close().await?;
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
//!
//! # Backpressure
//!
//! A drop costs the request nothing, and at most [`MAX_THREADS`](crate::cleanup::MAX_THREADS)
//! threads remove directories. So a server can drop them faster than its disk deletes them, and
//! they pile up. There are two ways to take no more requests than the disk keeps up with:
//!
//! ```
//! use async_tempdir::{AsyncTempDir, RemoveError, TempRoot, cleanup};
//!
//! /// At the end of a request: removes in the background as long as that keeps up, otherwise here,
//! /// before the response.
//! async fn done(dir: AsyncTempDir) -> Result<(), RemoveError> {
//!     if cleanup::pending() < 100 {
//!         drop(dir);
//!     } else {
//!         dir.close().await?;
//!     }
//!     Ok(())
//! }
//!
//! /// At the beginning of a request: a gate. `None` is "503 Service Unavailable".
//! async fn begin(root: &TempRoot) -> Option<std::io::Result<AsyncTempDir>> {
//!     if cleanup::pending() >= 1_000 {
//!         return None;
//!     }
//!     Some(root.temp_dir().await)
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The example closes the directory in the request, and uses the gate for clients that hang up.
//!
//! To have at most so many directories on the disk, and let others wait, let a task close each one
//! and keep a permit until then:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use async_tempdir::AsyncTempDir;
//! use tokio::sync::{Semaphore, SemaphorePermit};
//!
//! static PERMITS: Semaphore = Semaphore::const_new(100);
//!
//! /// Dropped, also with the future of a client that hangs up, it closes the directory. It must be
//! /// dropped inside the runtime.
//! struct Limited(Option<(AsyncTempDir, SemaphorePermit<'static>)>);
//!
//! impl Limited {
//!     async fn new() -> std::io::Result<Self> {
//!         let permit = PERMITS.acquire().await.expect("it is never closed");
//!         Ok(Self(Some((AsyncTempDir::new().await?, permit))))
//!     }
//! }
//!
//! impl Drop for Limited {
//!     fn drop(&mut self) {
//!         let (dir, permit) = self.0.take().expect("it is dropped once");
//!         tokio::spawn(async move {
//!             if let Err(error) = dir.close().await {
//!                 eprintln!("{error}");
//!             }
//!             drop(permit);
//!         });
//!     }
//! }
//! # for _ in 0..200 {
//! #     drop(Limited::new().await?);
//! # }
//! # let _all = PERMITS.acquire_many(100).await;
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
//!
//! # Free a name at once, delete later
//!
//! To evict a directory of a cache may take seconds: its files have to be deleted one by one. Meanwhile
//! its name is taken, and a reader finds half of it. [`TempRoot::adopt`](crate::TempRoot::adopt) moves it
//! into the root by a rename, after which readers find nothing, and its name can be used again. The
//! files are deleted in the background, and if this process is killed, by the next one:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use std::io::{self, ErrorKind};
//! use std::path::Path;
//!
//! use async_tempdir::TempRoot;
//!
//! /// Returns whether there was one.
//! async fn evict(root: &TempRoot, entry: &Path) -> io::Result<bool> {
//!     match root.adopt(entry).await {
//!         Ok(evicted) => {
//!             drop(evicted); // or `close` it, to wait until there is room on the disk
//!             Ok(true)
//!         }
//!         Err(error) if error.kind() == ErrorKind::NotFound => Ok(false), // another task was faster
//!         Err(error) => Err(error),
//!     }
//! }
//!
//! # let outer = async_tempdir::AsyncTempDir::new().await?;
//! # let cache = outer.path();
//! // On the filesystem of the cache, because a rename does not leave that.
//! let root = TempRoot::open_in("my-cache", cache).await?;
//! # outer.write("a1/blob", "x").await?;
//! assert!(evict(&root, &cache.join("a1")).await?);
//! assert!(!cache.join("a1").exists());
//! assert!(!evict(&root, &cache.join("a1")).await?);
//! # root.close().await?;
//! # outer.close().await?;
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
//!
//! The root lies beside the cache's entries, as `my-cache-<random>`, or under a hidden name while it is
//! created or removed: skip these names where you list the cache.
//!
//! # Metrics and logs
//!
//! | | kind | |
//! |---|---|---|
//! | [`pending`](crate::cleanup::pending) | gauge | how far removal is behind: alert when it only grows |
//! | [`failures`](crate::cleanup::failures) | counter | dropped directories not removed completely: alert when it grows at all |
//! | [the hook](crate::cleanup::set_failure_hook) | log | which directory that is, and why |
//!
//! Failures of an awaited [`close`](crate::AsyncTempDir::close) are returned to the caller, and not
//! counted here: count and log them there. All three cover the whole process. Nothing has to be registered; the metrics exporter
//! reads the two numbers on request:
//!
//! ```
//! use async_tempdir::cleanup;
//!
//! /// For Prometheus, in its text format.
//! fn metrics() -> String {
//!     let pending = cleanup::pending();
//!     let failures = cleanup::failures();
//!     let gauge = format!("# TYPE tempdir_pending gauge\ntempdir_pending {pending}\n");
//!     let counter = format!("# TYPE tempdir_failures counter\ntempdir_failures {failures}\n");
//!     gauge + &counter
//! }
//!
//! cleanup::set_failure_hook(|error| {
//!     eprintln!("{} of {} remain", error.failed(), error.path().display());
//!     for failure in error.failures() {
//!         eprintln!("  {}: {}", failure.path.display(), failure.error); // the first 32
//!     }
//! });
//! assert!(metrics().contains("tempdir_pending 0\n"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! With the feature `tracing`, a directory that a drop could not remove completely is a warning
//! (target `async_tempdir::cleanup`, fields `path`, `failed`, `removed_files`, `removed_dirs`), and
//! every removal is a span at debug level (`remove`, target `async_tempdir::remove`, fields `path`,
//! `files`, `dirs`, `failed`). The span of an awaited removal is a child of its caller's span and
//! goes to the caller's subscriber. That of a drop has no parent and goes to the global subscriber.
//! Without it, failures are neither printed nor logged.
//!
//! # Shutting down
//!
//! Stop accepting; let the requests end, or drop them after a while. Then
//! [`close`](crate::TempRoot::close) the root, which removes everything in it, and await
//! [`idle`](crate::cleanup::idle). An aborted task keeps its handles until the runtime drops it:
//! await it first.
//!
//! If handlers hold the root as an `Arc` and one hangs, the root cannot be closed. So give them a
//! `Weak`, which they upgrade only to make a directory. And limit the time, because a disk may hang:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use std::io;
//! use std::sync::{Arc, Weak};
//! use std::time::Duration;
//!
//! use async_tempdir::{AsyncTempDir, TempRoot, cleanup};
//! use tokio::time::timeout;
//!
//! async fn request(root: &Weak<TempRoot>) -> io::Result<()> {
//!     let root = root.upgrade().ok_or(io::ErrorKind::ConnectionAborted)?; // shutting down
//!     let dir = root.temp_dir().await?;
//!     drop(root);
//! #   async fn serve(_: AsyncTempDir) -> io::Result<()> { std::future::pending().await }
//!     serve(dir).await
//! }
//!
//! /// After the server has stopped accepting, and the requests have had their time to end.
//! async fn shut_down(root: Arc<TempRoot>) {
//!     let clean = async {
//!         // `None`: a request is just making a directory. The root then goes with the last one in
//!         // it, or the next process removes it.
//!         if let Some(root) = Arc::into_inner(root)
//!             && let Err(error) = root.close().await
//!         {
//!             eprintln!("{error}");
//!         }
//!         cleanup::idle().await;
//!     };
//!     if timeout(Duration::from_secs(5), clean).await.is_err() {
//!         eprintln!("the next process that opens the root removes the rest");
//!     }
//!     # /*
//!     std::process::exit(0) // returning from `main` would wait for removals
//!     # */
//! }
//!
//! # let outer = AsyncTempDir::new().await?;
//! # let root = Arc::new(TempRoot::open_in("app", outer.path()).await?);
//! # let path = root.path().to_path_buf();
//! # let weak = Arc::downgrade(&root);
//! # let hangs = tokio::spawn(async move { request(&weak).await });
//! # while outer.list().await?.len() < 3 { tokio::task::yield_now().await }
//! # while Arc::strong_count(&root) > 1 { tokio::task::yield_now().await }
//! # shut_down(root).await;
//! # assert!(!path.exists());
//! # hangs.abort();
//! # outer.close().await?;
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
