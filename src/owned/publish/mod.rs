//! Publishes a directory: moves it to the path at which it stays, and gives it up.

mod refuse;
mod replace;
mod transfer;
mod undo;

use std::fs::{self, Permissions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::owner::Owner;
use super::policy::Policy;
use super::removed::Ending;
use crate::sys::{self, Identity};
use crate::util::name;
use replace::Replaced;

/// A request to publish a directory.
#[derive(Clone)]
pub(crate) struct Publication {
    /// Absolute, without a trailing slash.
    pub(crate) target: PathBuf,
    /// Whether a directory at the target is replaced.
    pub(crate) replaces: bool,
    pub(crate) syncs: bool,
    pub(crate) permissions: NewPermissions,
    /// Set when no caller waits for the result any more.
    pub(crate) cancelled: Arc<AtomicBool>,
}

/// The permissions of a directory once it is published.
#[derive(Clone, Debug)]
pub(crate) enum NewPermissions {
    Unchanged,
    /// Takes those that `mkdir` gives a directory beside the target.
    Default,
    Exactly(Permissions),
}

impl Publication {
    fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Returns a path for a hidden directory beside the target.
    fn beside(&self, suffix: &str) -> io::Result<PathBuf> {
        beside(&self.target, suffix)
    }
}

fn beside(path: &Path, suffix: &str) -> io::Result<PathBuf> {
    let file_name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    Ok(path.with_file_name(name::hidden(file_name, suffix)?))
}

impl Owner {
    /// Publishes the directory and gives it up. Returns the owner of the directory that it has
    /// replaced.
    ///
    /// # Errors
    ///
    /// The directory is where it was. Its owner is returned, for the handle.
    pub(crate) fn publish(
        mut self,
        publication: &Publication,
    ) -> Result<Option<Self>, (io::Error, Self)> {
        match self.try_publish(publication) {
            Ok(published) => {
                // Held before this one no longer is, so that persisting a directory around them is
                // refused at any time.
                let old = published.old.map(|old| self.owner_of(old));
                let target = publication.target.clone();
                self.dir.record_published(&target);
                self.dir.set_ending(|| Ending::Persisted(target));
                if published.is_copied {
                    self.force_cleanup();
                    drop(self);
                } else {
                    self.release();
                }
                Ok(old)
            }
            Err(error) => {
                self.set_held(true);
                Err((error, self))
            }
        }
    }

    fn try_publish(&self, publication: &Publication) -> io::Result<Published> {
        let dir = &self.dir;
        if let Some(path) = dir.leftover() {
            return Err(io::Error::other(format!(
                "the directory {path:?} inside it could not be removed"
            )));
        }
        match publication.publish(&dir.path, &dir.identity, &|old| drop(self.owner_of(old))) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.publish_copy(publication)
            }
            published => published.map(|old| Published {
                old,
                is_copied: false,
            }),
        }
    }

    /// Takes charge of the directory that this one has replaced.
    fn owner_of(&self, old: Replaced) -> Self {
        let parent = match &self.dir.parent {
            // There, it is removed with the directory around it at the latest.
            Some(guard) if old.path == self.dir.path => guard.dir.parent_guard().ok(),
            _ => None,
        };
        let queues = Arc::clone(&self.dir.queues);
        let mut owner = Self::new(old.path, old.identity, queues, parent, None);
        owner.arm(Policy::default());
        owner
    }
}

/// The outcome of a publication.
struct Published {
    old: Option<Replaced>,
    /// Whether a copy was published, and the original is still to be removed.
    is_copied: bool,
}

impl Publication {
    /// Moves the directory at `from` to the target. If that fails, the directory is at `from`, with
    /// its old permissions.
    fn publish(
        &self,
        from: &Path,
        identity: &Identity,
        discard: &dyn Fn(Replaced),
    ) -> io::Result<Option<Replaced>> {
        if self.syncs && self.is_on_another_mount(from)? {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        let permissions = self.permissions()?;
        let before = match &permissions {
            // With the owner's rights, without which the system refuses to move it.
            Some(wanted) => {
                let wanted = sys::with_owner_rights(wanted);
                Some(sys::set_dir_permissions(from, identity, &wanted)?)
            }
            None => None,
        };
        let synced = match self.syncs {
            true => sys::sync_tree(from),
            false => Ok(()),
        };
        // Not before the sync, which may take seconds.
        let checked = synced.and_then(|()| sys::check_same_dir(from, identity));
        let move_it = || match self.replaces {
            true => replace::replace(from, identity, &self.target, discard),
            false => fs::rename(from, &self.target).map(|()| None),
        };
        let moved = checked.and_then(|()| sys::lend_right_to_move(from, identity, move_it));
        let finished = moved.and_then(|old| {
            match self.finish(from, identity, permissions.as_ref()) {
                // If it was published, and replaced since, what is at the target stays there.
                Err(error) if !sys::is_gone(&self.target, identity) => {
                    self.undo(from, identity, old, discard, error)
                }
                _ => Ok(old),
            }
        });
        // The outcome of the move is worth more than an error of this.
        if let (Err(_), Some(before)) = (&finished, &before) {
            _ = sys::set_dir_permissions(from, identity, before);
        }
        finished
    }

    /// Returns whether no rename can lead from `from` to the target, before anything is synced for it.
    ///
    /// Tries to rename an entry that does not exist: Linux compares the mounts first. `false` also
    /// means that the system looks for the entry first.
    fn is_on_another_mount(&self, from: &Path) -> io::Result<bool> {
        let renamed = fs::rename(beside(from, ".missing")?, self.beside(".missing")?);
        Ok(renamed.is_err_and(|error| error.kind() == io::ErrorKind::CrossesDevices))
    }

    fn permissions(&self) -> io::Result<Option<Permissions>> {
        Ok(match &self.permissions {
            NewPermissions::Unchanged => None,
            NewPermissions::Default => Some(sys::default_permissions(&self.beside(".mode")?)?),
            NewPermissions::Exactly(permissions) => Some(permissions.clone()),
        })
    }

    /// Does what can only be done once the directory is at the target.
    fn finish(
        &self,
        from: &Path,
        identity: &Identity,
        permissions: Option<&Permissions>,
    ) -> io::Result<()> {
        if let Some(permissions) = permissions
            && sys::with_owner_rights(permissions) != *permissions
        {
            sys::set_dir_permissions(&self.target, identity, permissions)?;
        }
        if self.syncs {
            for path in [&self.target, from] {
                path.parent().map_or(Ok(()), sys::sync_dir)?;
            }
        }
        Ok(())
    }
}
