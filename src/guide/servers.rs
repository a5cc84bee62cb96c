//! In servers: a directory for each request, and nothing left, however it ends.
//!
//! A complete one is the example `upload_server`: uploads that are streamed into a directory, looked
//! at by a child process, answered, and gone.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use async_tempdir::{AsyncTempDir, TempRoot, cleanup};
//! use futures::{Stream, stream};
//!
//! /// What a request does. A client that hangs up has its future dropped: the directory goes, too.
//! async fn upload(
//!     root: &TempRoot,
//!     name: &str, // as the client sent it: what leads out is an error
//!     body: impl Stream<Item = std::io::Result<Vec<u8>>>,
//! ) -> std::io::Result<u64> {
//!     let dir = root.temp_dir().await?;
//!     let bytes = dir.write_stream(name, body).await?;
//!     dir.close().await?;
//!     Ok(bytes)
//! }
//!
//! # let outer = AsyncTempDir::new().await?;
//! # let my_server = "my-server";
//! // At the start. What a killed predecessor has left is removed in the background.
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
//! A drop costs the request nothing, and at most
//! [`MAX_THREADS`](crate::cleanup::MAX_THREADS) threads remove. So a server can drop directories
//! faster than its disk deletes them, and they pile up. Two ways to have the clients wait for the
//! disk instead:
//!
//! ```
//! use async_tempdir::{AsyncTempDir, RemoveError, TempRoot, cleanup};
//!
//! /// At the end of a request: in the background as long as that keeps up, or else here. Then
//! /// nobody is answered before as much has been removed.
//! async fn done(dir: AsyncTempDir) -> Result<(), RemoveError> {
//!     if cleanup::pending() < 100 {
//!         drop(dir);
//!     } else {
//!         dir.close().await?;
//!     }
//!     Ok(())
//! }
//!
//! /// At its beginning: a gate. `None` is "503 Service Unavailable".
//! async fn begin(root: &TempRoot) -> Option<std::io::Result<AsyncTempDir>> {
//!     if cleanup::pending() >= 1_000 {
//!         return None;
//!     }
//!     Some(root.temp_dir().await)
//! }
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The example closes in the request, and has the gate for clients that hang up.
//!
//! # Metrics and logs
//!
//! | | kind | |
//! |---|---|---|
//! | [`pending`](crate::cleanup::pending) | gauge | how far removal is behind: alert when it only grows |
//! | [`failures`](crate::cleanup::failures) | counter | dropped directories of which something stays: alert when it grows at all |
//! | [the hook](crate::cleanup::set_failure_hook) | log | which directory that is, and why |
//!
//! What [`close`](crate::AsyncTempDir::close) could not remove is its caller's to count: it returns
//! that. All three are of the whole process. Nothing has to be registered; whatever exports metrics reads
//! the two numbers when it is asked:
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
//!     for failure in error.failures() {
//!         eprintln!("{}: {}", failure.path.display(), failure.error);
//!     }
//! });
//! assert!(metrics().contains("tempdir_pending 0\n"));
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! With the feature `tracing`, what a drop could not remove is a warning (target
//! `async_tempdir::cleanup`, fields `path`, `failed`, `removed_files`, `removed_dirs`), and every
//! removal is a span at debug level (`remove`, target `async_tempdir::remove`, fields `path`,
//! `files`, `dirs`, `failed`). The span of a removal that is awaited belongs to the one that its caller is in, and to
//! its subscriber; that of a drop to none, and to the global one. Otherwise nothing is printed.
//!
//! # Shutting down
//!
//! Stop accepting; let the requests end, or drop them after a while; then
//! [`close`](crate::TempRoot::close) the root, which removes whatever is in it, and await
//! [`idle`](crate::cleanup::idle). A task that was aborted has its handles until the runtime drops
//! it: await it first. If the root is shared and somebody still has it, it is removed with the last
//! handle, at the latest when the runtime ends.
