//! Creation of a directory together with its owner.

use std::fs::Permissions;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::cleanup::Lane;
use crate::error::located;
use crate::name::Template;
use crate::owned::{Child, Claim, Job};
use crate::sys;

/// How many names are tried before creation gives up.
///
/// With the default length, there are about 2^59 names; the limit is for very short random parts,
/// and low enough to fail in milliseconds.
const MAX_TRIES: u32 = 512;

/// A request to create a directory.
pub(crate) struct Plan {
    /// Absolute, because the current directory may change before the directory is removed.
    pub(crate) parent: PathBuf,
    pub(crate) template: Template,
    pub(crate) permissions: Option<Permissions>,
    pub(crate) lane: Arc<Lane>,
    /// The hold on the directory at `parent`, if it is an owned one, and the job in it.
    pub(crate) hold: Option<(Child, Job)>,
}

impl Plan {
    /// Creates the directory and its owner in one closure.
    ///
    /// A cancelled `tokio::fs::create_dir(..).await` would still create the directory, without an
    /// owner.
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
