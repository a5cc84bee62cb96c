//! The limitations of the crate, and of the systems it runs on.
//!
//! - Outside a Tokio runtime, only
//!   [`create_blocking`](crate::Builder::create_blocking) creates a directory, and an operation in one
//!   that was created there is an error. [`close`](crate::AsyncTempDir::close),
//!   [`persist`](crate::AsyncTempDir::persist), [`replace`](crate::AsyncTempDir::replace) and a drop then
//!   work on the calling thread.
//! - If the system gives the runtime's pool no thread, operations fail, and removals run on the
//!   calling thread. Tokio panics here; the panic is caught, but its message is still printed to
//!   stderr, and with `panic = "abort"` the process ends. If the pool has threads and all are busy,
//!   operations and removals wait for one of them, or for the next operation, which requests
//!   another thread. (Before Tokio 1.54.0, also if the only threads are a multi-thread runtime's
//!   workers.)
//! - Among Unix systems, only Linux (without Android) reports creation times reliably, on most of
//!   its filesystems. Without them, or within one tick of the kernel's clock after creation (1 to
//!   10 ms), a replacement with the same inode number is taken for the original.
//! - Between the last check of a directory and the system call that removes it, a process that may
//!   write to the parent can replace it by another empty directory, which is then removed.
//! - Where two directories cannot be exchanged, [`replace`](crate::AsyncTempDir::replace) leaves
//!   [a moment of nothing](crate::AsyncTempDir::replace). On overlayfs, a directory of
//!   a lower layer (one that came with a container's image) can be neither moved nor replaced
//!   (`CrossesDevices`).
//! - What a process leaves beside a target on another filesystem when it is killed
//!   (`.<name>-<random>.new`) is not in a [`TempRoot`](crate::TempRoot), and stays.
//! - The crate has no signal handlers. Install your own handler, end the runtime, and let the handles
//!   drop. It has no list of directories on disk, except of those
//!   [kept in a numbered root](crate::RootBuilder::retain): a [`TempRoot`](crate::TempRoot) is found by
//!   its name and its lock.
//! - A forked child (`fork` without `exec`) removes nothing. There, using an inherited handle
//!   returns an error, and [`cleanup::idle`](crate::cleanup::idle) must not be used. A directory that
//!   the child creates itself is its own; but the threads of an inherited runtime are missing, so
//!   create and drop it outside that.
//! - On Windows, a directory cannot be locked. If two processes of one
//!   [run](crate::Cleanup#the-environment-sets-a-root) start at the same moment, each may open a root, and
//!   one of these may remain, with nothing kept in it, until the next run.
//! - On filesystems with unstable inode numbers (some of FUSE, vfat), a directory can look
//!   replaced: it is then left in place and reported. Without `/proc`, Linux cannot restore the
//!   owner's permissions on a directory that has none, nor set those of one that is
//!   [published](crate::Persist::permissions).
//! - On Unix other than Linux and Android, `set_permissions` opens the file, and so needs permission to
//!   read or write it; and `metadata` asks the path again after a lookup that cannot leave the
//!   directory, and compares the two.
//! - [`copy_from`](crate::AsyncTempDir::copy_from) copies no owners, times, extended attributes and
//!   ACLs, makes separate files of hard links, and enters no filesystem that is mounted in the source.
//! - [`tree`](crate::AsyncTempDir::tree) holds all contents and whole paths in memory, at most
//!   [1 GiB](crate::Tree::MAX_LEN). Twenty thousand levels deep, each path has 40 kB or more.
//! - A hard link to a file outside *is* that file. `symlink` checks the text of its target only.
