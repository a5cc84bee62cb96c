//! Pages to read: where this crate is used, and where its users come from.
//!
//! Four questions that everybody has:
//!
//! **Which constructor?** [`AsyncTempDir::new`]. In another place: [`new_in`]; with a name that tells
//! whose it is: [`with_prefix`]; both, or a suffix, permissions, a policy: [`Builder`]; exactly that
//! name: `Builder::new().prefix("name").random_len(0)`. For the length of one function: [`scope`].
//! In a server, which may be killed and started anew: [`TempRoot::open`] once, then its
//! [`temp_dir`], or its [`builder`](TempRoot::builder).
//!
//! **How do I wait for cleanup?** For one directory, [`close`]`().await`, which also says what
//! could not be removed. For everything that was dropped, [`cleanup::idle`]`().await`. At the end of
//! a test, or of a `main` that returns, there is no need to wait. Before
//! [`std::process::exit`] there is: see [applications].
//!
//! **What survives a kill?** Every directory that exists at that moment, since nobody is left to
//! remove it. Those made in a [`TempRoot`] are removed by the next process that opens one of that
//! name. Others stay until you delete them; a [prefix](Builder::prefix) of your own (`tmp` otherwise)
//! makes them easy to find. Ctrl-C and SIGTERM kill a process just the same, unless it
//! [listens](applications). See also [what can be left behind](crate#what-can-be-left-behind).
//!
//! **How do I keep the directory of a failing test?** Without touching it:
//! `ASYNC_TEMPDIR_CLEANUP=on-success cargo test`. In the code:
//! [`Builder::cleanup`]`(`[`Cleanup::OnSuccess`]`)`. Either way the path is printed with the test's
//! failure. A test has failed when it panics: one that returns an `Err` loses its directory, so
//! `unwrap` there. [More about that](tests).
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
