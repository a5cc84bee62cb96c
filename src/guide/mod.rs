//! How-to guides and migration tables.
//!
//! Four common questions:
//!
//! **Which constructor?** [`AsyncTempDir::new`]. For another parent, [`new_in`]; for a recognizable
//! name, [`with_prefix`]; for both, or a suffix, permissions or a policy, [`Builder`]; for an exact
//! name, `Builder::new().prefix("name").random_len(0)`. For the length of one function, [`scope`].
//! In a server, which may be killed and restarted, [`TempRoot::open`] once, then its [`temp_dir`]
//! or its [`dir_builder`](crate::TempRoot::dir_builder).
//!
//! **How do I wait for cleanup?** For one directory, [`close`]`().await`, which also returns
//! errors. For everything that was dropped, [`cleanup::idle`]`().await`. At the end of a test, or
//! of a `main` that returns, there is no need to wait. Before [`std::process::exit`] there is: see
//! [applications].
//!
//! **What survives a kill?** Every directory that exists at that moment, because a killed process
//! removes nothing. Directories made in a [`TempRoot`] are removed by the next process that opens
//! one of that name, and those of a test suite with `ASYNC_TEMPDIR_ROOT` by
//! [its next run](tests#killed-suites). Others remain until you delete them; a distinctive
//! [prefix](crate::Builder::prefix)
//! (default `tmp`) makes them easy to find. Ctrl-C and SIGTERM also kill a process, unless it
//! [handles them](applications). See also [what can be left behind](crate#what-can-be-left-behind).
//!
//! **How do I keep the directory of a failing test?** Without code changes:
//! `ASYNC_TEMPDIR_CLEANUP=on-success cargo test`; with `ASYNC_TEMPDIR_ROOT=target/tmp`, only the last three
//! runs keep theirs. In code:
//! [`Builder::cleanup`]`(`[`Cleanup::OnSuccess`]`)`, or for tests that return an `Err`,
//! [`Cleanup::OnClose`]. Either way, the path is printed with the test's failure.
//! [More about that](tests).
//!
//! [`AsyncTempDir::new`]: crate::AsyncTempDir::new
//! [`Builder`]: crate::Builder
//! [`Builder::cleanup`]: crate::Builder::cleanup
//! [`Cleanup::OnSuccess`]: crate::Cleanup::OnSuccess
//! [`Cleanup::OnClose`]: crate::Cleanup::OnClose
//! [`TempRoot`]: crate::TempRoot
//! [`TempRoot::open`]: crate::TempRoot::open
//! [`cleanup::idle`]: crate::cleanup::idle
//! [`new_in`]: crate::AsyncTempDir::new_in
//! [`with_prefix`]: crate::AsyncTempDir::with_prefix
//! [`scope`]: crate::AsyncTempDir::scope
//! [`temp_dir`]: crate::TempRoot::temp_dir
//! [`close`]: crate::AsyncTempDir::close

pub mod applications;
pub mod coming_from;
pub mod comparison;
pub mod how_it_works;
pub mod limitations;
pub mod recipes;
pub mod servers;
pub mod tests;
