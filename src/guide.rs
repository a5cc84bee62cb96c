//! Pages to read: where this crate is used, and where its users come from.
//!
//! Four questions that everybody has:
//!
//! **Which constructor?** [`AsyncTempDir::new`]. In another place: [`new_in`]; with a name that tells
//! whose it is: [`with_prefix`]; both, or a suffix, permissions, a policy: [`Builder`]. For the
//! length of one function: [`scope`]. In a server, which may be killed and started anew:
//! [`TempRoot::open`] once, then its [`temp_dir`].
//!
//! **How do I wait for cleanup?** For one directory, [`close`]`().await`, which also says what
//! could not be removed. For everything that was dropped, [`cleanup::idle`]`().await`. At the end of
//! a test, or of a `main` that returns, there is no need to wait. Before
//! [`std::process::exit`] there is: see [applications].
//!
//! **What survives a kill?** Every directory that exists at that moment, since nobody is left to
//! remove it. Those made in a [`TempRoot`] are removed by the next process that opens one of that
//! name; others stay until somebody does, and have the [prefix](Builder::prefix) that you gave them
//! (`tmp` otherwise). More of the like: [what can be left behind](crate#what-can-be-left-behind).
//!
//! **How do I keep the directory of a failing test?** Without touching it:
//! `ASYNC_TEMPDIR_CLEANUP=on-success cargo test`. In the code:
//! [`Builder::cleanup`]`(`[`Cleanup::OnSuccess`]`)`. Either way the path is printed with the test's
//! failure. Which tests count as failing: [tests].
//!
//! [`AsyncTempDir::new`]: crate::AsyncTempDir::new
//! [`new_in`]: crate::AsyncTempDir::new_in
//! [`with_prefix`]: crate::AsyncTempDir::with_prefix
//! [`scope`]: crate::AsyncTempDir::scope
//! [`temp_dir`]: TempRoot::temp_dir
//! [`close`]: crate::AsyncTempDir::close

#[allow(unused_imports, reason = "for the links")]
use crate::{Builder, Cleanup, TempRoot, cleanup};

pub mod applications;
pub mod coming_from;
pub mod servers;
pub mod tests;
