//! What dropping a handle does, and the environment variable that overrides it.

use std::env;
use std::io;

/// What dropping an [`AsyncTempDir`](crate::AsyncTempDir) does to its directory.
///
/// Whatever the policy, [`close`](crate::AsyncTempDir::close) removes it and
/// [`keep`](crate::AsyncTempDir::keep) keeps it, and a creation whose future is dropped leaves none.
///
/// # The environment has the last word
///
/// `ASYNC_TEMPDIR_CLEANUP` overrides the policy of every directory that the process creates while
/// it is set, [scopes](crate::AsyncTempDir::scope) and [roots](crate::TempRoot) included, so that
/// what a program or a test works with can be looked at without touching its code:
///
/// | value | |
/// |---|---|
/// | `always` | [`Always`](Self::Always) |
/// | `on-success` | [`OnSuccess`](Self::OnSuccess) |
/// | `never` | [`Never`](Self::Never) |
///
/// With any other value, the empty one included, creation fails with `InvalidInput`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cleanup {
    /// It is removed.
    #[default]
    Always,
    /// It is removed, unless the handle is dropped by a panic: then it stays, and one line on
    /// stderr says where. For tests whose leftovers tell why they failed:
    /// [which of them it keeps](crate::guide::tests).
    OnSuccess,
    /// It stays: Python's `mkdtemp`.
    Never,
}

const VARIABLE: &str = "ASYNC_TEMPDIR_CLEANUP";

/// The policy of one directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    cleanup: Cleanup,
    /// Not to be changed any more.
    is_overridden: bool,
}

impl Policy {
    /// What the environment says, or else `cleanup`.
    ///
    /// # Errors
    ///
    /// It says something that is no policy.
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

    /// Changes it, unless the environment has decided.
    pub(crate) fn set(&mut self, cleanup: Cleanup) {
        if !self.is_overridden {
            self.cleanup = cleanup;
        }
    }

    pub(crate) fn cleanup(self) -> Cleanup {
        self.cleanup
    }
}

/// Of what nobody has got yet: it is removed.
impl Default for Policy {
    fn default() -> Self {
        Self {
            cleanup: Cleanup::Always,
            is_overridden: false,
        }
    }
}
