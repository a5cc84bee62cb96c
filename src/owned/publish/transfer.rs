//! Publishes a copy of a directory, on another filesystem.

use std::fs;
use std::io;
use std::sync::Arc;

use super::{Owner, Publication, Published, refuse};
use crate::blocking::spawn;
use crate::copy;
use crate::sys;

impl Owner {
    /// Copies the directory beside the target, and publishes the copy.
    ///
    /// Until it is published, the copy has an owner, which removes it.
    pub(super) fn publish_copy(&self, publication: &Publication) -> io::Result<Published> {
        let original = &self.dir;
        check_target(publication, self)?;
        let path = publication.beside(".new")?;
        let identity = sys::create_private_dir(&path, None)?;
        let queues = Arc::clone(&original.queues);
        let copy = Self::new(path, identity, queues, None, None);

        let runtime = original.queues_here().runtime.clone();
        let options = copy::Options {
            with_mode: true,
            is_cancelled: Arc::clone(&publication.cancelled),
            spawn_helper: Some(Arc::new(move |help| spawn::request_help(&runtime, help))),
            ..copy::Options::default()
        };
        let to = sys::open_same_dir(&copy.dir.path, &identity)?;
        copy::tree(
            &original.path,
            Some(&original.identity),
            to,
            &copy.dir.path,
            options,
        )?;
        if publication.is_cancelled() {
            return Err(io::Error::new(
                io::ErrorKind::Interrupted,
                "it was cancelled",
            ));
        }
        let publication = Publication {
            // Before the original is removed.
            syncs: true,
            ..publication.clone()
        };
        let discard = |old| drop(self.owner_of(old));
        let old = publication.publish(&copy.dir.path, &identity, &discard)?;
        copy.release();
        Ok(Published {
            old,
            is_copied: true,
        })
    }
}

/// Refuses a target before anything is copied.
fn check_target(publication: &Publication, owner: &Owner) -> io::Result<()> {
    let (target, dir) = (&publication.target, &owner.dir);
    if publication.replaces {
        return refuse::check_target(target, &dir.path, &dir.identity).map(drop);
    }
    // A filesystem may be mounted inside.
    refuse::check_not_inside(target, &dir.identity)?;
    match fs::symlink_metadata(target) {
        Ok(metadata) if !metadata.is_dir() => Err(refuse::no_directory("not a directory")),
        Ok(_) if fs::read_dir(target)?.next().is_some() => {
            Err(io::ErrorKind::DirectoryNotEmpty.into())
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
