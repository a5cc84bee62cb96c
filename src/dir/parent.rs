//! The parent of a new directory or root: a path that was given, or the default.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use super::run_variables;
use crate::util::{absolute_parent, with_path, with_tmpdir_hint};

pub(crate) struct Parent {
    path: PathBuf,
    origin: Origin,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Given,
    TempDir,
    /// `ASYNC_TEMPDIR_ROOT`.
    Variable,
}

impl Parent {
    pub(crate) fn of(given: Option<PathBuf>) -> Self {
        let variable = || Some((run_variables::root()?, Origin::Variable));
        let given = given.map(|path| (path, Origin::Given)).or_else(variable);
        let (path, origin) = given.unwrap_or_else(|| (env::temp_dir(), Origin::TempDir));
        Self { path, origin }
    }

    /// Makes the path absolute, and returns it.
    ///
    /// Later changes of TMPDIR or the current directory cannot make it refer to something else.
    pub(crate) fn resolve(&mut self) -> io::Result<&Path> {
        self.path = match self.origin {
            Origin::Variable => run_variables::absolute(&self.path)?,
            _ if self.path.is_absolute() => return Ok(&self.path),
            _ => absolute_parent(&self.path)?,
        };
        Ok(&self.path)
    }

    /// Returns whether the path comes from `ASYNC_TEMPDIR_ROOT`.
    pub(crate) fn is_for_roots(&self) -> bool {
        self.origin == Origin::Variable
    }

    /// Adds the operation, the path and its origin to the error of a creation.
    pub(crate) fn explain(&self, operation: &'static str, error: io::Error) -> io::Error {
        let error = with_path(operation, &self.path, error);
        match self.origin {
            Origin::Given => error,
            Origin::TempDir => with_tmpdir_hint(error),
            Origin::Variable => run_variables::with_root_hint(error),
        }
    }
}
