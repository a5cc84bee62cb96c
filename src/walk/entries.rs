//! Reads a directory.

use std::ffi::CStr;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::mem::MaybeUninit;
use std::ops::ControlFlow;

use rustix::fd::AsFd;
use rustix::fs::FileType;
use rustix::io::Errno;

/// Where a reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    All,
    /// Probably at the end: there was room for more entries. Most filesystems return fewer only at
    /// the end, but need not. The next reading continues from there.
    #[cfg_attr(
        not(any(target_os = "linux", target_os = "android")),
        expect(dead_code, reason = "a reading always goes on to its end there")
    )]
    Likely,
    /// In between. The next reading continues from there.
    #[cfg_attr(
        not(any(target_os = "linux", target_os = "android")),
        expect(dead_code, reason = "a reading cannot be interrupted there")
    )]
    Part,
}

/// The end of one system call.
#[cfg(any(target_os = "linux", target_os = "android"))]
enum Filled {
    /// There were no more entries.
    End,
    /// There was room for more.
    Short,
    Full,
}

/// The size of an entry before its name (`struct linux_dirent64`).
#[cfg(any(target_os = "linux", target_os = "android"))]
const HEADER: usize = 19;

/// More than the longest name takes: 255 bytes, or on filesystems of other systems, 255 characters.
#[cfg(any(target_os = "linux", target_os = "android"))]
const ROOM: usize = 1024;

/// The buffer that a directory is read into.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[derive(Default)]
pub(crate) struct Buffer(Vec<u8>);

#[cfg(any(target_os = "linux", target_os = "android"))]
impl Buffer {
    /// About two thousand names of usual length, so that one call reads most directories. Every
    /// call waits until the other threads release the directory.
    const SIZE: usize = 64 * 1024;
    /// About sixty names; on the stack.
    const SMALL: usize = 2 * 1024;

    /// Calls `each` with every entry that has not been read yet. Calls `go_on` between two system
    /// calls to ask whether to continue. With `guess`, no system call checks whether an apparent
    /// end is the real one.
    pub(crate) fn read(
        &mut self,
        dir: &impl AsFd,
        guess: bool,
        mut each: impl FnMut(&CStr, FileType),
        mut go_on: impl FnMut() -> ControlFlow<()>,
    ) -> Result<Read, Errno> {
        // Most directories are small, and the first one may be the whole removal.
        let mut small = [const { MaybeUninit::uninit() }; Self::SMALL];
        let mut filled = match self.0.capacity() {
            0 => Self::fill(dir, &mut small, &mut each)?,
            _ => Filled::Full,
        };
        loop {
            match filled {
                Filled::End => return Ok(Read::All),
                Filled::Short if guess => return Ok(Read::Likely),
                _ if go_on().is_break() => return Ok(Read::Part),
                _ => {}
            }
            self.0.reserve_exact(Self::SIZE);
            filled = Self::fill(dir, self.0.spare_capacity_mut(), &mut each)?;
        }
    }

    /// Reads once into `buffer`.
    fn fill(
        dir: &impl AsFd,
        buffer: &mut [MaybeUninit<u8>],
        each: &mut impl FnMut(&CStr, FileType),
    ) -> Result<Filled, Errno> {
        let len = buffer.len();
        let mut used = 0;
        let mut entries = rustix::fs::RawDir::new(dir, buffer);
        loop {
            match entries.next() {
                Some(Ok(entry)) => {
                    used += (HEADER + entry.file_name().count_bytes() + 1).next_multiple_of(8);
                    each(entry.file_name(), entry.file_type());
                }
                // `ENOENT` is the error for a directory that has been removed.
                None | Some(Err(Errno::NOENT)) => return Ok(Filled::End),
                Some(Err(Errno::INTR)) => continue,
                Some(Err(error)) => return Err(error),
            }
            if entries.is_buffer_empty() {
                return Ok(if used + ROOM <= len {
                    Filled::Short
                } else {
                    Filled::Full
                });
            }
        }
    }

    /// Makes the next reading start from the beginning.
    pub(crate) fn rewind(dir: &impl AsFd) -> Result<(), Errno> {
        rustix::fs::seek(dir, rustix::fs::SeekFrom::Start(0)).map(drop)
    }
}

/// Elsewhere a reading cannot be interrupted: the directory is reopened for each.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[derive(Default)]
pub(crate) struct Buffer {}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
impl Buffer {
    pub(crate) fn read(
        &mut self,
        dir: &impl AsFd,
        _guess: bool,
        mut each: impl FnMut(&CStr, FileType),
        _go_on: impl FnMut() -> ControlFlow<()>,
    ) -> Result<Read, Errno> {
        for entry in rustix::fs::Dir::read_from(dir)? {
            let entry = entry?;
            each(entry.file_name(), entry.file_type());
        }
        Ok(Read::All)
    }

    pub(crate) fn rewind(_dir: &impl AsFd) -> Result<(), Errno> {
        Ok(())
    }
}

#[cfg(all(test, any(target_os = "linux", target_os = "android")))]
mod tests {
    use std::fs::File;

    use super::*;

    /// Reads all of a directory of `files` files. Gives what the readings came to, and the names.
    fn read_through(files: usize, guess: bool) -> (Vec<Read>, usize) {
        let dir = tempfile::tempdir().unwrap();
        for n in 0..files {
            File::create(dir.path().join(n.to_string())).unwrap();
        }
        let open = File::open(dir.path()).unwrap();
        let mut buffer = Buffer::default();
        let mut names = 0;
        let mut readings = Vec::new();
        loop {
            let each = |name: &CStr, _| names += usize::from(name != c"." && name != c"..");
            let read = buffer.read(&open, guess, each, || ControlFlow::Break(()));
            readings.push(read.unwrap());
            if readings.ends_with(&[Read::All]) {
                return (readings, names);
            }
        }
    }

    #[test]
    fn a_reading_that_stops_short_is_only_likely_to_be_at_the_end() {
        let (readings, names) = read_through(10, true);
        assert_eq!(names, 10, "every name, and each once");
        assert_eq!(readings, [Read::Likely, Read::All], "it goes on from there");
    }

    #[test]
    fn without_guessing_the_end_is_certain() {
        let (readings, names) = read_through(10, false);
        assert_eq!(names, 10, "every name, and each once");
        assert_eq!(readings, [Read::Part, Read::All]);
    }

    #[test]
    fn a_full_buffer_is_no_end() {
        let (readings, names) = read_through(5_000, true);
        assert_eq!(names, 5_000, "every name, and each once");
        assert_eq!(readings[0], Read::Part);
    }
}
