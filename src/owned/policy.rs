//! The cleanup policy applied on drop, and the environment variable that adds another.

use std::env;
use std::io;

/// Determines what dropping an [`AsyncTempDir`](crate::AsyncTempDir) does to its directory.
///
/// Regardless of the policy, [`close`](crate::AsyncTempDir::close) removes the directory,
/// [`keep`](crate::AsyncTempDir::keep) keeps it, and a cancelled creation leaves none.
///
/// # The environment keeps more
///
/// `ASYNC_TEMPDIR_CLEANUP` is a second policy for every directory that the process creates,
/// [adopts](crate::AsyncTempDir::adopt) or [replaces](crate::AsyncTempDir::replace) while it is set,
/// including [scopes](crate::AsyncTempDir::scope) and [roots](crate::TempRoot). A directory
/// is kept if the policy in the code keeps it, or this one does. Use it to inspect the directories
/// of a program or a test without changing its code. The path of each directory kept because of it
/// is one line on stderr.
///
/// | value | |
/// |---|---|
/// | `always`, or empty | changes nothing |
/// | `on-success` | [`OnSuccess`](Self::OnSuccess) |
/// | `on-close` | [`OnClose`](Self::OnClose) |
/// | `never` | [`Never`](Self::Never) |
///
/// With any other value, these operations fail with `InvalidInput`.
///
/// With a value that keeps directories, the name of the calling thread becomes part of the random
/// name of a directory, after the prefix: that of a test is its test's name, as in
/// `tmp-module-test_name-3VXk8GQz0P`. On the main thread and on those of Tokio, cargo-nextest's
/// `NEXTEST_TEST_NAME` is used instead, if it is set. Names that would become very long, and those
/// without random characters, stay as they are.
///
/// # The environment sets a root
///
/// With `ASYNC_TEMPDIR_ROOT=target/tmp`, every directory that is given no parent is created in the
/// root of this run, `target/tmp/<executable>-<n>/`. The next run reclaims what killed runs have
/// left, and the last three runs retain what they have kept. This is for test suites: see the
/// [guide](crate::guide::tests).
///
/// | variable | |
/// |---|---|
/// | `ASYNC_TEMPDIR_ROOT` | the parent of the roots; created if it is missing |
/// | `ASYNC_TEMPDIR_RETAIN` | the number of runs that retain what they have kept (default 3) |
///
/// A variable that is empty counts as unset. If the root cannot be created, or the number is not a
/// number, creating a directory fails, and the error names the variable.
///
/// - **A run** is a process, or with cargo-nextest, which starts one for each test, all processes of an
///   executable with the same `NEXTEST_RUN_ID`. Runs of other executables do not count.
/// - **The name**: `<executable>` is the name of the program, without the hash that Cargo adds to that
///   of a test. `<n>` is one more than the greatest number in use. `<executable>-current` leads to the
///   root: a symlink, or on Windows a file with its path. A relative `ASYNC_TEMPDIR_ROOT` is relative to
///   the current directory at the first creation.
/// - **In the root**, directories are named after their tests, as with `ASYNC_TEMPDIR_CLEANUP`.
/// - **The end**: the root is removed together with the last directory in it, and the link with it. So
///   a suite that passes leaves nothing.
/// - **Kept directories**: a directory that is made directly in the root and then kept, by its policy,
///   by [`keep`](crate::AsyncTempDir::keep) or by a [`PersistError`](crate::PersistError), survives the
///   run, as does one that is [persisted](crate::AsyncTempDir::persist) to a path in the root. Only the
///   rest of the root is removed. Once `ASYNC_TEMPDIR_RETAIN` later runs have kept something, these are
///   removed, too; with 0, at the end of the run.
/// - **After a kill**, the next run of that executable removes what was in use, whatever its policies,
///   before it creates its first directory. Failures go to the
///   [failure hook](crate::cleanup::set_failure_hook), also if that is not done at all, because
///   others may write to the parent.
/// - **A [`TempRoot`](crate::TempRoot)** that is given no parent is created in `target/tmp` itself.
/// - **Locks**: other runs know by a lock that a root is in use, as with a `TempRoot`, with the same
///   [security](crate::TempRoot#security) and [platform notes](crate::TempRoot#platform-notes).
///   Without locks, each process has a root of its own, and nothing is reclaimed.
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
    /// Keeps the directory and prints its path, unless the handle is closed.
    ///
    /// The path is one line on stderr. A [scope](crate::AsyncTempDir::scope) closes its directory if
    /// its function returns an `Ok`. Use it for tests that return an `Err` when they fail, and whose
    /// last step is [`close`](crate::AsyncTempDir::close).
    OnClose,
    /// Keeps the directory; Python's `mkdtemp`.
    Never,
}

/// The end of a directory's use, unless the handle was closed, kept or persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The handle is dropped.
    Dropped,
    /// A panic drops the handle.
    Panicked,
    /// The function of a scope has returned an `Err`.
    Failed,
    /// The function of a scope has returned an `Ok`.
    Succeeded,
}

impl Cleanup {
    fn keeps(self, end: End) -> bool {
        match self {
            Self::Always => false,
            Self::OnSuccess => end == End::Panicked,
            Self::OnClose => end != End::Succeeded,
            Self::Never => true,
        }
    }
}

const VARIABLE: &str = "ASYNC_TEMPDIR_CLEANUP";

/// The cleanup policies of one directory: it is kept if one of them keeps it.
///
/// By default, those of a directory without a handle, which is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(super) code: Cleanup,
    environment: Cleanup,
}

impl Policy {
    /// Combines `cleanup` with the policy in the environment.
    ///
    /// # Errors
    ///
    /// The value in the environment is not a policy.
    pub(crate) fn new(cleanup: Cleanup) -> io::Result<Self> {
        let value = env::var_os(VARIABLE).unwrap_or_default();
        let environment = match value.to_str() {
            Some("" | "always") => Cleanup::Always,
            Some("on-success") => Cleanup::OnSuccess,
            Some("on-close") => Cleanup::OnClose,
            Some("never") => Cleanup::Never,
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!(
                        "the environment variable {VARIABLE} is {value:?}, which is none of \
                         \"always\", \"on-success\", \"on-close\" and \"never\""
                    ),
                ));
            }
        };
        Ok(Self {
            code: cleanup,
            environment,
        })
    }

    /// Returns whether the environment may keep the directory.
    pub(crate) fn has_environment(&self) -> bool {
        self.environment != Cleanup::Always
    }

    /// Returns whether the directory is kept.
    pub(super) fn keeps(&self, end: End) -> bool {
        self.code.keeps(end) || self.environment.keeps(end)
    }

    /// Returns whether a directory that is kept is announced: not if the code keeps it in any case.
    pub(super) fn announces(&self) -> bool {
        self.code != Cleanup::Never
    }
}
