//! Names and kinds of entries, in one piece of memory.

use std::ffi::{CStr, CString};

use rustix::fs::FileType;

/// Names, one after another, each with its NUL.
#[derive(Debug, Default)]
pub(crate) struct NameBatch(pub(crate) Vec<u8>);

impl NameBatch {
    pub(crate) fn push(&mut self, name: &CStr) {
        self.0.extend_from_slice(name.to_bytes_with_nul());
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &CStr> {
        self.0
            .split_inclusive(|byte| *byte == 0)
            .filter_map(|name| CStr::from_bytes_with_nul(name).ok())
    }

    /// Removes the last name and returns it.
    pub(crate) fn pop(&mut self) -> Option<CString> {
        let before = self.0.len().checked_sub(1)?;
        let start = self.0[..before].iter().rposition(|byte| *byte == 0);
        let name = self.0.split_off(start.map_or(0, |nul| nul + 1));
        CString::from_vec_with_nul(name).ok()
    }
}

/// Entries of a directory, without `.` and `..`.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    names: NameBatch,
    kinds: Vec<FileType>,
}

impl Batch {
    pub(super) fn push(&mut self, name: &CStr, kind: FileType) {
        self.names.push(name);
        self.kinds.push(kind);
    }

    pub(super) fn clear(&mut self) {
        self.names.0.clear();
        self.kinds.clear();
    }

    /// Splits the entries in two, of which the first has `len`.
    pub(super) fn split_off(&mut self, len: usize) -> Self {
        let bytes = self.names.names().take(len);
        let bytes = bytes.map(|name| name.count_bytes() + 1).sum();
        Self {
            names: NameBatch(self.names.0.split_off(bytes)),
            kinds: self.kinds.split_off(len),
        }
    }

    /// Returns the number of bytes that the names take.
    pub(super) fn bytes(&self) -> usize {
        self.names.0.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Returns the names, each with the kind that the directory has stored for it: `Unknown` where
    /// the filesystem stores none.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&CStr, FileType)> {
        self.names.names().zip(self.kinds.iter().copied())
    }
}
