//! Behaviours that the test suites of similar libraries pin, tried on this crate.
//!
//! One module for each of them. Where this crate deliberately differs, the test pins what it does, and
//! a comment says why.

mod async_tempfile;
mod cap_tempfile;
mod cpython;
mod snippets;
#[path = "../support/mod.rs"]
mod support;
mod tempfile;
mod tmpdir;
mod tokio_fs;

use std::io::{self, ErrorKind};

use async_tempdir::{AsyncTempDir, Ending};

/// Drops `dir`, and waits until it is removed.
async fn dropped(dir: AsyncTempDir) {
    let path = dir.path().to_path_buf();
    let removed = dir.removed();
    drop(dir);
    assert_eq!(removed.await, Ending::Removed);
    assert!(!path.exists(), "a drop removes the directory");
}

/// Asserts that an operation fails with an error of this kind.
#[track_caller]
fn assert_fails<T>(result: io::Result<T>, kind: ErrorKind) {
    match result {
        Ok(_) => panic!("it succeeds, and should fail: {kind}"),
        Err(error) => assert_eq!(error.kind(), kind, "{error}"),
    }
}

/// Asserts that an operation was refused because a path of it leads out of the directory.
#[track_caller]
fn assert_leads_out<T>(result: io::Result<T>) {
    let error = result.err().expect("no path leads out");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains("leads out"), "{error}");
}
