//! Creation of a directory together with its owner.

use std::env;
use std::fs::Permissions;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cleanup::RuntimeQueues;
use crate::owned::{OperationGuard, Owner, ParentGuard};
use crate::sys;
use crate::util::name::Template;
use crate::util::{absolute_parent, with_path, with_tmpdir_hint};

/// The maximum number of names tried.
///
/// With the default length, there are about 2^59 names; the limit is for very short random parts,
/// and low enough to fail in milliseconds.
const MAX_TRIES: u32 = 512;

/// The parent of a new directory.
pub(super) struct Parent {
    path: PathBuf,
    is_default: bool,
}

impl Parent {
    pub(super) fn of(given: Option<PathBuf>) -> Self {
        Self {
            is_default: given.is_none(),
            path: given.unwrap_or_else(env::temp_dir),
        }
    }

    /// Returns the absolute path, from the start: later changes of TMPDIR or the current directory
    /// cannot make it refer to something else.
    pub(super) fn absolute(&mut self) -> io::Result<PathBuf> {
        if !self.path.is_absolute() {
            self.path = absolute_parent(&self.path)?;
        }
        Ok(self.path.clone())
    }

    /// Adds to the error of a creation what it was about.
    pub(super) fn explain(&self, error: io::Error) -> io::Error {
        let error = with_path("create a temporary directory in", &self.path, error);
        match self.is_default {
            true => with_tmpdir_hint(error),
            false => error,
        }
    }
}

/// A request to create a directory.
pub(super) struct CreateRequest {
    /// Absolute, because the current directory may change before the directory is removed.
    pub(super) parent: PathBuf,
    pub(super) template: Template,
    pub(super) permissions: Option<Permissions>,
    pub(super) queues: Arc<RuntimeQueues>,
    /// Keeps the directory at `parent`, if that is owned, and the operation in it.
    pub(super) parent_guard: Option<(ParentGuard, OperationGuard)>,
}

impl CreateRequest {
    /// Creates the directory and its owner in one closure.
    ///
    /// A cancelled `tokio::fs::create_dir(..).await` would still create the directory, without an
    /// owner.
    pub(super) fn run(self) -> io::Result<Owner> {
        let (path, identity) = self.create()?;
        let parent = self.parent_guard.map(|(guard, _operation)| guard);
        Ok(Owner::new(path, identity, self.queues, parent, None))
    }

    fn create(&self) -> io::Result<(PathBuf, sys::Identity)> {
        if let Some((guard, _)) = &self.parent_guard {
            sys::check_same_dir(&self.parent, &guard.dir.identity)?;
        }
        let tries = if self.template.varies() { MAX_TRIES } else { 1 };
        let mut taken = None;
        for _ in 0..tries {
            let path = self.template.next_in(&self.parent)?;
            match sys::create_private_dir(&path, self.permissions.as_ref()) {
                Ok(identity) => return Ok((path, identity)),
                // The name is taken. Never adopt an existing directory.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => taken = Some(path),
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            match taken {
                Some(path) if tries == 1 => format!("{path:?} exists already"),
                _ => format!("{tries} random names were all taken"),
            },
        ))
    }
}
