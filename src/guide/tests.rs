//! In test suites: fill and compare a directory in one call each; keep it if a test fails. A fixture
//! that is a tree of its own, such as `tests/fixtures/app`, is copied with
//! [`copy_from`](crate::AsyncTempDir::copy_from).
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
//! Directories created in a `#[tokio::test]`, of either flavour, are gone when it ends: there is
//! nothing to close or to wait for. To assert earlier that one is gone, `close` it; or if what you
//! test drops it, await its [`removed`](crate::AsyncTempDir::removed), because
//! [`cleanup::idle`](crate::cleanup::idle) also waits for those of other tests in the process.
//! [`tests/suite.rs`] is a whole suite of this kind.
//!
//! A fixture that only creates the directory need not be async: see
//! [`create_blocking`](crate::Builder::create_blocking).
//!
//! [`tests/suite.rs`]: https://docs.rs/crate/async-tempdir/latest/source/tests/suite.rs
//!
//! # A fixture shared by several tests
//!
//! A `static` is never dropped, so a handle in one leaves its directory when the process ends. There
//! are two ways out. With a `Weak`, the tests that run at the same time share the directory; the
//! last of them removes it, and the next one makes another:
//!
//! ```
//! use std::sync::{Arc, Weak};
//!
//! use async_tempdir::AsyncTempDir;
//! use tokio::sync::Mutex;
//!
//! async fn shared() -> Arc<AsyncTempDir> {
//!     static SHARED: Mutex<Weak<AsyncTempDir>> = Mutex::const_new(Weak::new());
//!     let mut shared = SHARED.lock().await;
//!     if let Some(dir) = shared.upgrade() {
//!         return dir;
//!     }
//!     let dir = Arc::new(AsyncTempDir::new().await.unwrap());
//!     dir.write("large.bin", vec![0; 1 << 20]).await.unwrap(); // what takes long to make
//!     *shared = Arc::downgrade(&dir);
//!     dir
//! }
//!
//! # const TEST: &str = stringify! {
//! #[tokio::test]
//! # };
//! async fn it_is_there() {
//!     let dir = shared().await;
//!     assert_eq!(dir.read("large.bin").await.unwrap().len(), 1 << 20);
//! }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! #     it_is_there().await;
//! #     it_is_there().await;
//! #     async_tempdir::cleanup::idle().await;
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! If it takes so long to make that one process may make it only once, put it into a root, both in a
//! `static`. It remains at the end of the run, and the next run removes it:
//!
//! ```
//! use async_tempdir::{AsyncTempDir, TempRoot};
//! use tokio::sync::OnceCell;
//!
//! async fn shared() -> &'static AsyncTempDir {
//!     static SHARED: OnceCell<(TempRoot, AsyncTempDir)> = OnceCell::const_new();
//!     let make = async || {
//!         let root = TempRoot::open("my-crate-tests").await.unwrap();
//! #       root.reclaimed().await;
//!         let dir = root.temp_dir().await.unwrap();
//!         dir.write("large.bin", vec![0; 1 << 20]).await.unwrap();
//!         (root, dir)
//!     };
//!     &SHARED.get_or_init(make).await.1
//! }
//! # fn leaves_one(test: impl AsyncFn()) {
//! #     for _ in 0..2 {
//! #         tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test());
//! #     }
//! #     let path = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! #         shared().await.path().parent().unwrap().to_path_buf()
//! #     });
//! #     std::fs::remove_dir_all(path).unwrap();
//! # }
//!
//! # const TEST: &str = stringify! {
//! #[tokio::test]
//! # };
//! async fn it_is_there() {
//!     assert_eq!(shared().await.read("large.bin").await.unwrap().len(), 1 << 20);
//! }
//! # leaves_one(it_is_there);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! With cargo-nextest, each test is a process, and makes its own. To make it once for all of them,
//! use a setup script.
//!
//! # Keeping the directory of a failing test
//!
//! ```sh
//! ASYNC_TEMPDIR_CLEANUP=on-success cargo test   # or: cargo nextest run
//! ```
//!
//! or [`Cleanup::OnSuccess`](crate::Cleanup::OnSuccess) in the fixture. The path is printed on
//! stderr, once, and the runner shows it with the test's failure:
//! `temporary directory kept: /tmp/tmp-module-test_name-3VXk8GQz0P`. With the variable, the name has
//! that of the test, as long as tests run on threads of their own. With `never`, passing tests keep
//! theirs, too. The variable only keeps more than the code does, and never less.
//!
//! With `on-success`, only a panic counts as failure, and only a directory whose handle that panic
//! drops is kept. The directory of a failed test is removed when
//!
//! - the test returns an `Err`: prefer `unwrap` to `?`, or see below;
//! - its handle was dropped before: in a future inside a `tokio::time::timeout` that ran out, or by
//!   [`close`](crate::AsyncTempDir::close);
//! - another task owns the handle, and the test, which has `flavor = "multi_thread"`, panics
//!   outside that task. With the default flavour it is kept;
//! - its handle is shared in an `Arc`, and a test that passes drops the last one;
//! - it is inside a directory that is removed: made by
//!   [`AsyncTempDir::temp_dir`](crate::AsyncTempDir::temp_dir) or
//!   [`Builder::inside`](crate::Builder::inside), or in a [root](crate::TempRoot) when only the code,
//!   and not the variable, sets the policy.
//!
//! [`Cleanup::OnClose`](crate::Cleanup::OnClose), or the value `on-close`, is for tests that return an
//! `Err`, and for the other cases of this list. Each directory that is not closed is kept, so a test
//! that passes must close its own, or use a [scope](crate::AsyncTempDir::scope), which does so
//! unless its function returns an `Err`:
//!
//! ```
//! use std::io;
//!
//! use async_tempdir::{Builder, Cleanup};
//!
//! # const TEST: &str = stringify! {
//! #[tokio::test]
//! # };
//! async fn a_page_is_written() -> io::Result<()> {
//!     let site = Builder::new().cleanup(Cleanup::OnClose).create().await?;
//!     site.write("a.md", "# A").await?; // an `Err` keeps the directory
//!     assert!(site.try_exists("a.md").await?); // so does a panic
//!     site.close().await?;
//!     Ok(())
//! }
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(a_page_is_written())?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! The directory of a passing test is kept if the panic was expected (`#[should_panic]`). In a
//! `static`, or an rstest fixture with `#[once]`, a handle is never dropped, and its directory
//! remains, regardless of the policy.
