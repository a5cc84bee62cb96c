//! In test suites: filled in one call, compared in one, gone at the end, kept when a test fails.
//!
//! ```
//! use std::path::Path;
//!
//! use async_tempdir::{AsyncTempDir, Builder, Cleanup};
//!
//! # async fn bake(site: &Path) -> std::io::Result<()> {
//! #     tokio::fs::copy(site.join("a.md"), site.join("a.html")).await.map(drop)
//! # }
//! /// With rstest, `#[fixture]` goes here, and `#[future(awt)]` before the tests' parameter.
//! async fn site() -> AsyncTempDir {
//!     let dir = Builder::new().cleanup(Cleanup::OnSuccess).create().await.unwrap();
//!     dir.populate([("a.md", "# A"), ("img/a.png", "…")]).await.unwrap();
//!     dir
//! }
//!
//! # const TEST: &str = stringify! {
//! #[tokio::test]
//! # };
//! async fn pages_are_baked() {
//!     let site = site().await;
//!     bake(site.path()).await.unwrap();
//!     let expected = ["a.html", "a.md", "img", "img/a.png"].map(Path::new);
//!     assert_eq!(site.list().await.unwrap(), expected);
//! }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pages_are_baked());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The end of a `#[tokio::test]`, of either flavour, finds the directories gone that were created
//! in it: nothing has to be closed, nor waited for. To expect one to be gone earlier, `close` it, or
//! await [`cleanup::idle`](crate::cleanup::idle), which waits for those of other tests in the
//! process as well. `tests/suite.rs` is a whole suite of this kind.
//!
//! # Keeping what a failing test has left
//!
//! ```sh
//! ASYNC_TEMPDIR_CLEANUP=on-success cargo test   # or: cargo nextest run
//! ```
//!
//! or [`Cleanup::OnSuccess`](crate::Cleanup::OnSuccess) in the fixture. The path is printed on
//! stderr, once, and the runner shows it with the test's failure:
//! `temporary directory kept: /tmp/tmp3VXk8GQz0P`. With `never`, passing tests keep theirs, too.
//!
//! A test has failed when it panics, and a directory is kept when that panic drops its handle. It is
//! removed although the test has failed, when
//!
//! - the test returns an `Err`: prefer `unwrap` to `?`;
//! - its handle was dropped before, by a `tokio::time::timeout` around the test's body for
//!   instance, or [closed](crate::AsyncTempDir::close);
//! - a spawned task owns the handle, and the test has `flavor = "multi_thread"`. With the default
//!   flavour it is kept;
//! - it is inside another that is removed: a [root](crate::TempRoot), or a directory with a
//!   [child](crate::AsyncTempDir::temp_dir).
//!
//! It is kept although the test has passed, when the panic was expected (`#[should_panic]`). In a
//! `static`, or an rstest fixture with `#[once]`, a handle is never dropped, and its directory
//! stays, whatever the policy.
