//! Creation of a directory together with its owner.

use std::fs::Permissions;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::parent::Parent;
use super::{run_root, run_variables};
use crate::cleanup::RuntimeQueues;
use crate::owned::{OperationGuard, Owner, ParentGuard};
use crate::reclaim::Run;
use crate::sys::{self, Identity};
use crate::util::name::Template;

/// The maximum number of names tried.
///
/// With the default length, there are about 2^59 names; the limit is for very short random parts,
/// and low enough to fail in milliseconds.
const MAX_TRIES: u32 = 512;

/// The maximum number of tries to create a directory in the root of a run, which another process may
/// remove each time.
const MAX_ROOTS: u32 = 16;

/// The place of a new directory.
pub(super) enum Place {
    /// In the directory at this path, which is absolute.
    Path(PathBuf),
    /// In another directory of this crate, which exists as long as the guards do.
    Inside(ParentGuard, OperationGuard),
    /// In the root of this process's run.
    Run(Run),
}

impl Place {
    /// Returns the place of a directory that is not inside an owned one.
    pub(super) fn in_parent(parent: &mut Parent) -> io::Result<Self> {
        let path = parent.resolve()?.to_path_buf();
        Ok(match parent.is_for_roots() {
            true => Self::Run(run_variables::run(path)?),
            false => Self::Path(path),
        })
    }
}

/// A request to create a directory.
pub(super) struct CreateRequest {
    pub(super) place: Place,
    pub(super) new: NewDir,
    pub(super) queues: Arc<RuntimeQueues>,
}

/// The name and the permissions of a new directory.
pub(super) struct NewDir {
    pub(super) template: Template,
    pub(super) permissions: Option<Permissions>,
}

impl CreateRequest {
    /// Creates the directory and its owner in one closure.
    ///
    /// A cancelled `tokio::fs::create_dir(..).await` would still create the directory, without an
    /// owner.
    pub(super) fn run(self) -> io::Result<Owner> {
        let new = &self.new;
        let ((path, identity), parent) = match self.place {
            Place::Path(parent) => (new.create_in(&parent)?, None),
            Place::Inside(guard, _operation) => {
                let parent = &guard.dir;
                sys::check_same_dir(&parent.path, &parent.identity)?;
                (new.create_in(&parent.path)?, Some(guard))
            }
            Place::Run(run) => {
                let (created, guard) = new.create_in_run(&run)?;
                (created, Some(guard))
            }
        };
        Ok(Owner::new(path, identity, self.queues, parent, None))
    }
}

impl NewDir {
    fn create_in_run(&self, run: &Run) -> io::Result<(Created, ParentGuard)> {
        let create = || {
            let (guard, _operation) = run_root::join(run)?;
            io::Result::Ok((self.create_in(&guard.dir.path)?, guard))
        };
        for _ in 1..MAX_ROOTS {
            match create() {
                // Another process has removed the root, or its parent, as `cargo clean` does.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                created => return created,
            }
        }
        create()
    }

    fn create_in(&self, parent: &Path) -> io::Result<Created> {
        let tries = if self.template.varies() { MAX_TRIES } else { 1 };
        let mut taken = None;
        for _ in 0..tries {
            let path = self.template.next_in(parent)?;
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

/// The path and the identity of a directory that was created.
type Created = (PathBuf, Identity);
