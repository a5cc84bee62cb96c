//! Test suites: cleaning up after killed runs, keeping what failing tests leave, comparing trees.
//!
//! Two environment variables clean up after killed runs, and keep the directories of failing tests:
//!
//! ```sh
//! export ASYNC_TEMPDIR_ROOT=target/tmp ASYNC_TEMPDIR_CLEANUP=on-success
//! cargo test   # or: cargo nextest run
//! ```
//!
//! Tests that create their directories with this crate need no change. What the
//! [variables](crate::Cleanup#the-environment-sets-a-root) do:
//!
//! - Each run of a test executable has a root, `target/tmp/<executable>-<n>/`, for every directory that
//!   is given no parent. `target/tmp/<executable>-current` is a link to it.
//! - When all tests pass, nothing is left there.
//! - A failing test [keeps its directory](#keeping-the-directory-of-a-failing-test), which is named after
//!   it. Those of the last three failing runs remain; `ASYNC_TEMPDIR_RETAIN` sets another number.
//! - After a kill, the next run removes the directories that were in use.
//!
//! To set them for every `cargo test` and `cargo nextest run`, write this to `.cargo/config.toml` in your
//! repository:
//!
//! ```toml
//! [env]
//! ASYNC_TEMPDIR_ROOT = { value = "target/tmp", relative = true }
//! ASYNC_TEMPDIR_CLEANUP = "on-success"
//! ```
//!
//! [`relative`](https://doc.rust-lang.org/cargo/reference/config.html#env) makes the path absolute. A relative
//! path, as in the shell above, is another directory in each package of a workspace, where Cargo runs its
//! tests, and in a program that a test starts elsewhere. `[env]` also applies to `cargo run`, and a
//! variable set in the shell takes precedence. `target/tmp` is the directory that Cargo
//! [creates for integration tests](https://doc.rust-lang.org/cargo/reference/environment-variables.html#environment-variables-cargo-sets-for-crates);
//! any other will do.
//!
//! Four suites to copy: [`suite.rs`], whose tests run a program; [`suite_rstest.rs`], with fixtures and
//! cases; [`suite_shared.rs`] and [`suite_nextest.rs`], with a fixture that takes long to create.
//!
//! # Comparing trees
//!
//! [`populate`](crate::AsyncTempDir::populate) writes a tree,
//! [`copy_from`](crate::AsyncTempDir::copy_from) copies one such as `tests/fixtures/app`, and
//! [`tree`](crate::AsyncTempDir::tree) reads one as a value:
//!
//! ```
//! use std::path::Path;
//!
//! use async_tempdir::AsyncTempDir;
//!
//! # async fn bake(site: &Path) -> std::io::Result<()> {
//! #     tokio::fs::copy(site.join("a.md"), site.join("a.html")).await.map(drop)
//! # }
//! # const TEST: &str = stringify! {
//! #[tokio::test]
//! # };
//! async fn pages_are_baked() {
//!     let site = AsyncTempDir::new().await.unwrap();
//!     site.populate([("a.md", "# A"), ("img/a.png", "…")]).await.unwrap();
//!
//!     bake(site.path()).await.unwrap();
//!
//!     let baked = [("a.html", "# A"), ("a.md", "# A"), ("img/a.png", "…")];
//!     assert_eq!(site.tree().await.unwrap(), baked);
//! }
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pages_are_baked());
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A missing, unexpected or different file fails the test. For large trees,
//! `assert_eq!(tree.diff(&expected), None)` prints only the [first difference](crate::Tree::diff). Two trees
//! can be compared as well: before and after, or with the tree of a fixture. The `Debug` form is a
//! [listing](crate::Tree#printing), for `insta::assert_debug_snapshot!` for example.
//!
//! Directories created in a `#[tokio::test]`, of either flavour, are gone when it ends: there is
//! nothing to close or to wait for. To assert earlier that one is gone, `close` it. If the code under test
//! drops it, await its [`removed`](crate::AsyncTempDir::removed), because
//! [`cleanup::idle`](crate::cleanup::idle) also waits for those of other tests in the process. A
//! fixture that only creates the directory need not be async: see
//! [`create_blocking`](crate::Builder::create_blocking).
//!
//! # Side by side with `assert_fs`
//!
//! `assert_fs` blocks, and asserts one path at a time, so an unexpected file passes unnoticed.
//!
//! | `assert_fs` | here |
//! |---|---|
//! | `TempDir::new()?` | `AsyncTempDir::new().await?` |
//! | `dir.child("a").touch()?`, `write_str("1")?`, `write_binary(b"1")?` | `dir.write("a", "1").await?` |
//! | several of these | `dir.populate([("a", "1"), ("b/c", "2")]).await?` |
//! | `dir.child("b").create_dir_all()?` | `dir.create_dir_all("b").await?` |
//! | `dir.child("l").symlink_to_file(t)?`, `symlink_to_dir(t)?` | `dir.symlink(t, "l").await?` |
//! | `dir.copy_from(src, &["**"])?` | `dir.copy_from(src).await?` |
//! | `dir.copy_from(src, &["*.txt"])?` | `dir.copy_from(src).filter(…).await?`, with a function |
//! | `dir.child("a").assert("1")` | `assert_eq!(dir.read_to_string("a").await?, "1")` |
//! | `dir.child("b/c").assert(predicate::path::exists())` | `assert!(dir.try_exists("b/c").await?)` |
//! | one `assert` for each file | `assert_eq!(dir.tree().await?, [("a", "1"), ("b/c", "2")])` |
//! | `dir.into_persistent_if(env::var_os("KEEP").is_some())` | `ASYNC_TEMPDIR_CLEANUP=never`, or `on-success` for those of failing tests |
//! | `dir.into_persistent()`, `dir.close()?` | `dir.keep()`, `dir.close().await?` |
//! | `NamedTempFile::new("a")?` | `dir.write("a", "").await?` |
//!
//! # Killed suites
//!
//! CI time-outs, Ctrl-C and cargo-nextest's
//! [`terminate-after`](https://nexte.st/docs/features/slow-tests/#how-nextest-terminates-tests) kill a suite.
//! You can inspect its directories until the next run of that executable, which removes the ones that were
//! in use before it creates its first directory, and retains those that failing tests had kept.
//!
//! Runs at the same time do not touch each other's directories: a run counts as alive while one of its
//! processes holds a lock on a file in its root. [`TempRoot`](crate::TempRoot) does the same for programs.
//! As in pytest, runs are numbered, and
//! [the last three are retained](https://docs.pytest.org/en/stable/how-to/tmp_path.html#temporary-directory-location-and-retention).
//!
//! The roots of an executable that no longer exists, for example because a test was renamed, remain.
//! Delete `target/tmp`, or run `cargo clean`.
//!
//! # A fixture shared by several tests
//!
//! A `static` is never dropped, so a handle in one leaves its directory when the process ends. With a
//! `Weak`, the tests that run at the same time share the directory; the last of them removes it, and
//! the next one creates another. [`suite_shared.rs`] is such a suite.
//!
//! If it takes so long to create that a process should do so only once, use a `static` and
//! `ASYNC_TEMPDIR_ROOT`: the directory remains at the end of the run, and the next run removes it.
//!
//! ```
//! use async_tempdir::AsyncTempDir;
//! use tokio::sync::OnceCell;
//!
//! async fn shared() -> &'static AsyncTempDir {
//!     static SHARED: OnceCell<AsyncTempDir> = OnceCell::const_new();
//!     let make = async || {
//!         let dir = AsyncTempDir::new().await.unwrap();
//!         dir.write("large.bin", vec![0; 1 << 20]).await.unwrap(); // what takes long
//!         dir
//!     };
//!     SHARED.get_or_init(make).await
//! }
//!
//! # const TEST: &str = stringify! {
//! #[tokio::test]
//! # };
//! async fn it_is_there() {
//!     assert_eq!(shared().await.read("large.bin").await.unwrap().len(), 1 << 20);
//! }
//! # for _ in 0..2 {
//! #     let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! #     runtime.block_on(it_is_there());
//! # }
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # std::fs::remove_dir_all(runtime.block_on(shared()).path())?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # cargo-nextest
//!
//! cargo-nextest runs each test in a process of its own, so each test also has its own `static`s. All
//! processes of one `cargo nextest run` count as one run, by
//! [`NEXTEST_RUN_ID`](https://nexte.st/docs/configuration/env-vars/#environment-variables-nextest-sets), and
//! those of a test executable share a root. A setup script creates a shared fixture once for all of them:
//! [`suite_nextest.rs`] has one, with its `.config/nextest.toml`.
//!
//! # In CI
//!
//! At the end, `target/tmp` contains the directories of the failing tests. On GitHub:
//!
//! ```yaml
//! - run: cargo test
//!   env:
//!     ASYNC_TEMPDIR_ROOT: ${{ github.workspace }}/target/tmp
//!     ASYNC_TEMPDIR_CLEANUP: on-success
//! - uses: actions/upload-artifact@v4
//!   if: failure()
//!   with:
//!     name: kept-directories
//!     include-hidden-files: true
//!     path: |
//!       target/tmp
//!       !target/tmp/*-current
//! ```
//!
//! # Keeping the directory of a failing test
//!
//! ```sh
//! ASYNC_TEMPDIR_CLEANUP=on-success cargo test   # or: cargo nextest run
//! ```
//!
//! or [`Cleanup::OnSuccess`](crate::Cleanup::OnSuccess) in the fixture. The path is printed on
//! stderr, once, and the runner shows it with the test's failure:
//! `temporary directory kept: …/target/tmp/suite-4/tmp-module-test_name-3VXk8GQz0P`. With either
//! variable, the directory is named after the test, if each test has a thread of its own, or a process
//! of cargo-nextest. With `never`, passing tests keep theirs, too. The variable only keeps more than
//! the code does, and never less. Without `ASYNC_TEMPDIR_ROOT`, kept directories remain until you delete
//! them.
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
//! remains until the next run, regardless of the policy; without `ASYNC_TEMPDIR_ROOT`, for good.
//!
//! [`suite.rs`]: https://docs.rs/crate/async-tempdir/latest/source/tests/suite.rs
//! [`suite_rstest.rs`]: https://docs.rs/crate/async-tempdir/latest/source/tests/suite_rstest.rs
//! [`suite_shared.rs`]: https://docs.rs/crate/async-tempdir/latest/source/tests/suite_shared.rs
//! [`suite_nextest.rs`]: https://docs.rs/crate/async-tempdir/latest/source/tests/suite_nextest.rs
