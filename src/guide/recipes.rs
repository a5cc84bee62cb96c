//! Recipes: limit an upload, unpack and pack archives, show a progress bar.
//!
//! # Limit an upload
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use std::io;
//!
//! use async_tempdir::AsyncTempDir;
//! use futures::stream;
//!
//! let dir = AsyncTempDir::new().await?;
//! let body = || stream::iter([io::Result::Ok(vec![0; 600]), Ok(vec![0; 600])]); // of a request
//! assert_eq!(dir.write_stream("small", body()).max_len(1_200).await?, 1_200);
//!
//! let error = dir.write_stream("large", body()).max_len(1_000).await.unwrap_err();
//! assert_eq!(error.kind(), io::ErrorKind::FileTooLarge); // "413 Content Too Large"
//! assert!(!dir.try_exists("large").await?);
//! # dir.close().await?;
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
//!
//! With axum, the body is `request.into_body().into_data_stream()`.
//!
//! # Unpack a `.tar.gz`
//!
//! The crates `tar` and `flate2` block, so they run on the blocking pool. The directory moves there
//! and back: if the future is dropped meanwhile, it is removed when the unpacking ends. The archive
//! may be hostile: this takes files and directories only, because a symbolic link may lead anywhere,
//! and limits the size.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use std::io::{self, Read};
//!
//! use async_tempdir::AsyncTempDir;
//! use flate2::read::GzDecoder;
//!
//! async fn unpack(archive: Vec<u8>, max: u64) -> io::Result<AsyncTempDir> {
//!     let dir = AsyncTempDir::new().await?;
//!     let tree = dir.create_dir("tree").await?;
//!     let unpacking = tokio::task::spawn_blocking(move || {
//!         let mut tar = tar::Archive::new(GzDecoder::new(&archive[..]).take(max));
//!         for entry in tar.entries()? {
//!             let mut entry = entry?;
//!             let kind = entry.header().entry_type();
//!             // `false`: its name leads out, by `..`.
//!             if !(kind.is_file() || kind.is_dir()) || !entry.unpack_in(&tree)? {
//!                 return Err(io::ErrorKind::InvalidData.into());
//!             }
//!         }
//!         if tar.into_inner().limit() == 0 {
//!             return Err(io::ErrorKind::FileTooLarge.into()); // it may go on
//!         }
//!         Ok(dir)
//!     });
//!     unpacking.await?
//! }
//!
//! # fn archive() -> io::Result<Vec<u8>> {
//! #     let gz = flate2::write::GzEncoder::new(vec![], flate2::Compression::default());
//! #     let mut builder = tar::Builder::new(gz);
//! #     let mut header = tar::Header::new_gnu();
//! #     header.set_size(2);
//! #     header.set_mode(0o644);
//! #     builder.append_data(&mut header, "docs/index.md", &b"hi"[..])?;
//! #     builder.into_inner()?.finish()
//! # }
//! # let archive = archive()?;
//! # for max in [600, 1024] {
//! #     assert!(unpack(archive.clone(), max).await.is_err());
//! # }
//! let dir = unpack(archive, 1 << 20).await?;
//! assert_eq!(dir.read("tree/docs/index.md").await?, b"hi");
//! # dir.close().await?;
//! # async_tempdir::cleanup::idle().await;
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
//!
//! # Pack a directory and stream it
//!
//! The archive is a temporary file beside the packed directory, not in memory. The response owns
//! both, which are removed when the client has everything, or hangs up. `tokio-util` needs the
//! feature `io`.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use std::fs::File;
//! use std::io;
//!
//! use async_tempdir::AsyncTempDir;
//! use flate2::{Compression, write::GzEncoder};
//! use futures::{Stream, StreamExt, TryStreamExt};
//! use tokio_util::{bytes::Bytes, io::ReaderStream};
//!
//! async fn packed(dir: AsyncTempDir) -> io::Result<impl Stream<Item = io::Result<Bytes>>> {
//!     let packing = tokio::task::spawn_blocking(move || {
//!         let archive = File::create_new(dir.path().join("out.tar.gz"))?;
//!         let mut tar = tar::Builder::new(GzEncoder::new(archive, Compression::fast()));
//!         tar.follow_symlinks(false); // packs the links, not what they lead to
//!         tar.append_dir_all(".", dir.path().join("tree"))?;
//!         tar.into_inner()?.finish()?;
//!         io::Result::Ok(dir)
//!     });
//!     let dir = packing.await??;
//!     let chunks = ReaderStream::new(dir.open("out.tar.gz").await?);
//!     Ok(chunks.inspect(move |_| _ = &dir)) // keeps the directory until the stream is dropped
//! }
//!
//! let dir = AsyncTempDir::new().await?;
//! dir.write("tree/index.html", "<h1>Hello</h1>").await?;
//! let body = packed(dir).await?; // for instance for `axum::body::Body::from_stream`
//! # let bytes = body.try_fold(0, async |sum, chunk| Ok(sum + chunk.len())).await?;
//! # assert!(bytes > 20);
//! # async_tempdir::cleanup::idle().await;
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
//!
//! # Show a progress bar
//!
//! With the crate `indicatif`, for a removal; for a file being written,
//! [`WriteStream::on_progress`](crate::WriteStream::on_progress) is the same. The number of entries is known only if you have counted them; then use
//! `ProgressBar::new(count)`.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! use indicatif::ProgressBar;
//!
//! # let outer = async_tempdir::AsyncTempDir::new().await?;
//! # let old = outer.create_dir("old").await?;
//! let bar = ProgressBar::new_spinner();
//! let shown = bar.clone();
//! let removed = async_tempdir::remove_dir_all(old)
//!     .on_progress(move |removed| shown.set_position(removed.files + removed.dirs))
//!     .await;
//! bar.finish();
//! let removed = removed?;
//! println!("{} files removed", removed.files);
//! # assert_eq!(bar.position(), 1);
//! # outer.close().await?;
//! # Ok::<(), std::io::Error>(())
//! # }
//! ```
