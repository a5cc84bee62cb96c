//! Copies the contents of a file: by a clone, else in the kernel, else through a buffer.

use std::io;

use rustix::fd::BorrowedFd;
use rustix::fs::Stat;
use rustix::io::{Errno, retry_on_intr};

use super::methods::Methods;
use crate::copy::Copied;
use crate::copy::CopySide::{Destination, Source};
use crate::copy::recorder::{Failure, OnSide, Recorder};

/// The size of the buffer. A file of up to this size takes one `read` and one `write`.
const BUFFER: usize = 128 * 1024;

/// Up to this size, a buffer is as fast as anything else.
const SMALL: u64 = 4 * 1024;

/// The number of bytes between two looks at whether to stop.
const STEP: u64 = 4 * 1024 * 1024;

/// The most that is read from a file of unknown length.
const MAX_UNKNOWN: u64 = 1 << 30;

/// The unit of `st_blocks`.
const BLOCK: u64 = 512;

/// One thread that copies files.
pub(super) struct Contents<'c> {
    pub(super) recorder: &'c Recorder,
    pub(super) methods: &'c Methods,
    /// Allocated when it is first used.
    pub(super) buffer: &'c mut Vec<u8>,
    pub(super) copied: &'c mut Copied,
}

impl Contents<'_> {
    /// Copies the contents of `source`, an open regular file with this `stat`, to the new file `to`.
    ///
    /// Stops early if the copy is cancelled. What is appended meanwhile is left out.
    pub(super) fn copy(
        &mut self,
        source: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        stat: &Stat,
    ) -> Result<(), Failure> {
        let len = u64::try_from(stat.st_size).unwrap_or(0);
        if len == 0 {
            // Files of procfs and the like tell no length.
            return self.copy_unknown(source, to);
        }
        if len <= SMALL {
            return self.copy_buffered(source, to, len);
        }
        if self.methods.clone(source, to, len) {
            self.copied.bytes += len;
            self.copied.cloned += len;
            return Ok(());
        }
        let allocated = u64::try_from(stat.st_blocks).unwrap_or(0) * BLOCK;
        if allocated < len {
            return self.copy_sparse(source, to, len);
        }
        self.copy_range(source, to, len)
    }

    /// Copies the next `len` bytes, or fewer if there are no more.
    fn copy_range(
        &mut self,
        source: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        len: u64,
    ) -> Result<(), Failure> {
        let mut left = len;
        while left > 0 && !self.recorder.is_cancelled() {
            let step = left.min(STEP);
            match self.methods.copy_in_kernel(source, to, step) {
                // Perhaps the end; and some filesystems return this where `read` returns bytes.
                Some(Ok(0)) | None => return self.copy_buffered(source, to, left),
                Some(Ok(copied)) => {
                    left -= copied as u64;
                    self.note(copied as u64);
                }
                Some(Err(error)) => return Err(error).on(Destination),
            }
        }
        Ok(())
    }

    /// Copies the next `len` bytes through the buffer, or fewer if there are no more.
    fn copy_buffered(
        &mut self,
        source: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        len: u64,
    ) -> Result<(), Failure> {
        let mut left = len;
        while left > 0 && !self.recorder.is_cancelled() {
            let copied = self.copy_once(source, to, left)?;
            if copied == 0 {
                break;
            }
            left -= copied;
            self.note(copied);
        }
        Ok(())
    }

    /// Copies at most `max` bytes through the buffer, and returns how many: 0 at the end.
    fn copy_once(
        &mut self,
        source: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        max: u64,
    ) -> Result<u64, Failure> {
        if self.buffer.is_empty() {
            self.buffer.resize(BUFFER, 0);
        }
        let room = usize::try_from(max).unwrap_or(BUFFER).min(BUFFER);
        let read = || rustix::io::read(source, &mut self.buffer[..room]);
        let read = retry_on_intr(read).on(Source)?;
        let mut rest = &self.buffer[..read];
        while !rest.is_empty() {
            match retry_on_intr(|| rustix::io::write(to, rest)).on(Destination)? {
                0 => return Err(io::Error::from(io::ErrorKind::WriteZero)).on(Destination),
                written => rest = &rest[written..],
            }
        }
        Ok(read as u64)
    }

    /// Copies a file that says that it is empty.
    fn copy_unknown(&mut self, source: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), Failure> {
        let mut all = 0;
        while !self.recorder.is_cancelled() {
            let copied = self.copy_once(source, to, u64::MAX)?;
            if copied == 0 {
                break;
            }
            self.note(copied);
            all += copied;
            if all < STEP {
                continue;
            }
            // A real file that has grown since ends where it ends now. Others are never this long.
            let now = rustix::fs::fstat(source).on(Source)?.st_size;
            let now = u64::try_from(now).unwrap_or(0);
            if now > 0 {
                return self.copy_buffered(source, to, now.saturating_sub(all));
            }
            if all >= MAX_UNKNOWN {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    "it says that it is empty, and does not end",
                ))
                .on(Source);
            }
        }
        Ok(())
    }

    /// Copies a file of `len` bytes without its holes, which the new one gets as well.
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "illumos",
        target_os = "solaris"
    ))]
    fn copy_sparse(
        &mut self,
        source: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        len: u64,
    ) -> Result<(), Failure> {
        use rustix::fs::{SeekFrom, seek};

        let mut position = 0;
        while position < len && !self.recorder.is_cancelled() {
            let data = match seek(source, SeekFrom::Data(position)) {
                Ok(data) => data.min(len),
                // There is only a hole from here on.
                Err(Errno::NXIO) => len,
                // The filesystem does not tell holes.
                Err(_) => {
                    seek(source, SeekFrom::Start(position)).on(Source)?;
                    position
                }
            };
            self.note(data - position);
            if data == len {
                break;
            }
            let hole = seek(source, SeekFrom::Hole(data))
                .unwrap_or(len)
                .clamp(data, len);
            seek(source, SeekFrom::Start(data)).on(Source)?;
            seek(to, SeekFrom::Start(data)).on(Destination)?;
            self.copy_range(source, to, hole - data)?;
            if hole == data {
                // It was punched meanwhile; the rest is copied as it is.
                self.copy_range(source, to, len - data)?;
                break;
            }
            position = hole;
        }
        // If the end is a hole. A file that has become shorter ends where it ends now.
        let now = rustix::fs::fstat(source).on(Source)?.st_size;
        let len = len.min(u64::try_from(now).unwrap_or(0));
        rustix::fs::ftruncate(to, len).on(Destination)
    }

    /// Copies a file of `len` bytes. Its holes are not known here.
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "illumos",
        target_os = "solaris"
    )))]
    fn copy_sparse(
        &mut self,
        source: BorrowedFd<'_>,
        to: BorrowedFd<'_>,
        len: u64,
    ) -> Result<(), Failure> {
        self.copy_range(source, to, len)
    }

    /// Counts bytes of a file, which may be a large one.
    fn note(&mut self, bytes: u64) {
        self.copied.bytes += bytes;
        if bytes >= BUFFER as u64 {
            self.recorder.add(self.copied);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;
    use std::path::Path;

    use rustix::fd::AsFd;

    use super::*;
    use crate::copy::Options;

    fn copied(source: &File, stat: &Stat) -> u64 {
        let to = tempfile::tempfile().unwrap();
        let mut contents = Contents {
            recorder: &Recorder::new(Path::new("a"), Path::new("b"), Options::default()),
            methods: &Methods::default(),
            buffer: &mut Vec::new(),
            copied: &mut Copied::default(),
        };
        contents.copy(source.as_fd(), to.as_fd(), stat).unwrap();
        to.metadata().unwrap().len()
    }

    #[test]
    fn a_file_that_shrinks_ends_where_it_ends() {
        for is_sparse in [false, true] {
            let mut source = tempfile::tempfile().unwrap();
            if !is_sparse {
                source.write_all(&vec![b'x'; 1 << 20]).unwrap();
            }
            source.set_len(1 << 20).unwrap();
            let stat = rustix::fs::fstat(&source).unwrap();
            source.set_len(3).unwrap();
            rustix::fs::seek(&source, rustix::fs::SeekFrom::Start(0)).unwrap();
            assert_eq!(copied(&source, &stat), 3, "sparse: {is_sparse}");
        }
    }
}
