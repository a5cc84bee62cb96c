//! Reading a directory.

use std::ffi::CStr;
use std::ops::ControlFlow;

use rustix::fd::BorrowedFd;
use rustix::fs::FileType;
use rustix::io::Errno;

/// Where a reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    All,
    /// The next reading goes on from there.
    #[cfg_attr(
        not(any(target_os = "linux", target_os = "android")),
        expect(dead_code, reason = "a reading cannot be interrupted there")
    )]
    Part,
}

/// What a directory is read into.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[derive(Default)]
pub(super) struct Buffer(Vec<u8>);

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Buffer {
    /// About a thousand names of usual length: one call for most directories.
    const SIZE: usize = 32 * 1024;
    /// About sixty; on the stack.
    const SMALL: usize = 2 * 1024;

    /// Calls `each` with every entry that has not been read yet. Between two calls to the system it
    /// asks `go_on` whether it should.
    pub(super) fn read(
        &mut self,
        dir: BorrowedFd<'_>,
        mut each: impl FnMut(&CStr, FileType),
        mut go_on: impl FnMut() -> ControlFlow<()>,
    ) -> Result<Read, Errno> {
        // Most directories are small, and the first of a removal may be all of it.
        let mut small = [const { std::mem::MaybeUninit::uninit() }; Self::SMALL];
        if self.0.capacity() == 0 && Self::fill(dir, &mut small, &mut each)? {
            return Ok(Read::All);
        }
        loop {
            if go_on().is_break() {
                return Ok(Read::Part);
            }
            self.0.reserve(Self::SIZE);
            if Self::fill(dir, self.0.spare_capacity_mut(), &mut each)? {
                return Ok(Read::All);
            }
        }
    }

    /// Reads once into `buffer`. True if that was the last of the directory.
    fn fill(
        dir: BorrowedFd<'_>,
        buffer: &mut [std::mem::MaybeUninit<u8>],
        each: &mut impl FnMut(&CStr, FileType),
    ) -> Result<bool, Errno> {
        let mut entries = rustix::fs::RawDir::new(dir, buffer);
        loop {
            match entries.next() {
                Some(Ok(entry)) => each(entry.file_name(), entry.file_type()),
                // What is said of a directory that has been removed.
                None | Some(Err(Errno::NOENT)) => return Ok(true),
                Some(Err(Errno::INTR)) => continue,
                Some(Err(error)) => return Err(error),
            }
            if entries.is_buffer_empty() {
                return Ok(false);
            }
        }
    }

    /// Lets the next reading begin anew.
    pub(super) fn rewind(dir: BorrowedFd<'_>) -> Result<(), Errno> {
        rustix::fs::seek(dir, rustix::fs::SeekFrom::Start(0)).map(drop)
    }
}

/// Elsewhere a reading cannot be interrupted: the directory is opened anew for each.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[derive(Default)]
pub(super) struct Buffer;

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Buffer {
    pub(super) fn read(
        &mut self,
        dir: BorrowedFd<'_>,
        mut each: impl FnMut(&CStr, FileType),
        _go_on: impl FnMut() -> ControlFlow<()>,
    ) -> Result<Read, Errno> {
        for entry in rustix::fs::Dir::read_from(dir)? {
            let entry = entry?;
            each(entry.file_name(), entry.file_type());
        }
        Ok(Read::All)
    }

    pub(super) fn rewind(_dir: BorrowedFd<'_>) -> Result<(), Errno> {
        Ok(())
    }
}
