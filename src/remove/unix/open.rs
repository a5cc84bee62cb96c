//! Opens a directory of the tree, with the rights to read it.

use std::io;

use rustix::fd::AsFd;
use rustix::io::Errno;
use rustix::path::Arg;

use crate::sys;
use crate::walk::descriptors::is_out_of_descriptors;
use crate::walk::open::{FLAGS, Opened, beneath};

/// Opens the directory `name` in `parent`, if necessary after giving its owner all rights to it.
///
/// # Errors
///
/// `CrossesDevices` for a mount point, which is not opened; any other error of the system.
pub(super) fn dir(parent: impl AsFd, name: impl Arg + Copy) -> io::Result<Opened> {
    let opened = match beneath(parent.as_fd(), name, FLAGS) {
        Err(Errno::ACCESS) => match sys::grant_owner(&parent, name) {
            Ok(()) => beneath(parent.as_fd(), name, FLAGS),
            Err(error) if is_out_of_descriptors(&error) => return Err(error),
            // The rights cannot be changed: the error of the open is more helpful.
            Err(_) => Err(Errno::ACCESS),
        },
        opened => opened,
    };
    Opened::new(opened)
}
