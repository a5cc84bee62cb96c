//! The cleanup policy applied on drop, and the environment variable that overrides it.

use std::env;
use std::io;

/// Determines what dropping an [`AsyncTempDir`](crate::AsyncTempDir) does to its directory.
///
/// Regardless of the policy, [`close`](crate::AsyncTempDir::close) removes the directory,
/// [`keep`](crate::AsyncTempDir::keep) keeps it, and a cancelled creation leaves none.
///
/// # The environment has the last word
///
/// `ASYNC_TEMPDIR_CLEANUP` overrides the policy of every directory that the process creates while
/// it is set, including [scopes](crate::AsyncTempDir::scope) and [roots](crate::TempRoot). Use it
/// to inspect the directories of a program or a test without changing its code. Directories that the
/// code closes are removed all the same; of those kept, only `on-success` prints the path.
///
/// | value | |
/// |---|---|
/// | `always` | [`Always`](Self::Always) |
/// | `on-success` | [`OnSuccess`](Self::OnSuccess) |
/// | `never` | [`Never`](Self::Never) |
///
/// With any other value, including the empty one, creation fails with `InvalidInput`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cleanup {
    /// Removes the directory.
    #[default]
    Always,
    /// Removes the directory, unless a panic drops the handle: then keeps it and prints its path.
    ///
    /// The path is one line on stderr. A function that returns an `Err` does not panic: its directory
    /// is removed. Use it for tests whose directories help to explain a failure:
    /// [which of them it keeps](crate::guide::tests).
    OnSuccess,
    /// Keeps the directory; Python's `mkdtemp`.
    Never,
}

const VARIABLE: &str = "ASYNC_TEMPDIR_CLEANUP";

/// The cleanup policy of one directory.
///
/// By default, that of a directory without a handle, which is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(super) cleanup: Cleanup,
    /// The environment has set it: it cannot be changed.
    is_overridden: bool,
}

impl Policy {
    /// Returns the environment's policy, or else `cleanup`.
    ///
    /// # Errors
    ///
    /// The value in the environment is not a policy.
    pub(crate) fn new(cleanup: Cleanup) -> io::Result<Self> {
        let policy = |cleanup, is_overridden| Self {
            cleanup,
            is_overridden,
        };
        let Some(value) = env::var_os(VARIABLE) else {
            return Ok(policy(cleanup, false));
        };
        let cleanup = match value.to_str() {
            Some("always") => Cleanup::Always,
            Some("on-success") => Cleanup::OnSuccess,
            Some("never") => Cleanup::Never,
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!(
                        "the environment variable {VARIABLE} is {value:?}, which is none of \
                         \"always\", \"on-success\" and \"never\""
                    ),
                ));
            }
        };
        Ok(policy(cleanup, true))
    }

    /// Changes the policy, unless the environment overrides it.
    pub(crate) fn set(&mut self, cleanup: Cleanup) {
        if !self.is_overridden {
            self.cleanup = cleanup;
        }
    }
}
