//! Creation, in one piece: a directory is born with an owner, or not at all.

use std::fs::Permissions;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cleanup::Lane;
use crate::error::located;
use crate::name::Template;
use crate::owned::{Child, Claim, Job};
use crate::sys;

/// How many names are tried before creation gives up: with the default length not one in 2^59
/// is taken, so this is for very short random parts, and short enough to fail in milliseconds.
const MAX_TRIES: u32 = 512;

/// What to create.
pub(crate) struct Plan {
    /// Absolute, because what it would be relative to may change before the directory is removed.
    pub(crate) parent: PathBuf,
    pub(crate) template: Template,
    pub(crate) permissions: Option<Permissions>,
    pub(crate) lane: Arc<Lane>,
    /// The hold on the directory that `parent` is, if that is one of ours, and the job in it.
    pub(crate) hold: Option<(Child, Job)>,
}

impl Plan {
    /// Makes the directory.
    ///
    /// In one closure with the birth of its owner: a `tokio::fs::create_dir(..).await` that is
    /// cancelled creates the directory all the same, and nobody would know of it.
    pub(crate) fn carry_out(self) -> io::Result<Claim> {
        self.create()
            .map_err(|error| located("create a temporary directory in", &self.parent, error))
            .map(|(path, identity)| {
                let parent = self.hold.map(|(parent, _job)| parent);
                Claim::new(path, identity, self.lane, parent, None)
            })
    }

    fn create(&self) -> io::Result<(PathBuf, sys::Identity)> {
        if let Some((hold, _)) = &self.hold {
            sys::check_same_dir(&self.parent, hold.dir().identity())?;
        }
        let tries = if self.template.varies() { MAX_TRIES } else { 1 };
        let mut taken = None;
        for _ in 0..tries {
            let path = self.template.next_in(&self.parent)?;
            match sys::create_private_dir(&path, self.permissions.as_ref()) {
                Ok(identity) => return Ok((path, identity)),
                // Somebody has the name. Never adopt what already exists.
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
