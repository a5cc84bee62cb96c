//! Counts with cap-std, for Windows and other platforms that are not Unix.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cap_std::fs::Dir;

use super::Usage;
use crate::util::SpawnHelper;
use crate::util::first_failure::Failure;

pub(super) fn tree(
    dir: &Dir,
    is_cancelled: Arc<AtomicBool>,
    _spawn_helper: SpawnHelper,
) -> Result<Usage, Failure> {
    let mut usage = Usage {
        dirs: 1,
        ..Usage::default()
    };
    let mut unread = vec![PathBuf::from(".")];
    while !is_cancelled.load(Ordering::Relaxed)
        && let Some(path) = unread.pop()
    {
        match count(dir, &path, &mut unread, &is_cancelled) {
            Ok(counted) => usage.add(counted),
            // Removed or replaced since its name was read.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => {
                // Without the first `.`.
                let path = path.strip_prefix(".").unwrap_or(&path).to_path_buf();
                return Err(Failure { path, error });
            }
        }
    }
    Ok(usage)
}

/// Counts the entries of the directory `path`. Adds the directories among them to `unread`.
fn count(
    dir: &Dir,
    path: &Path,
    unread: &mut Vec<PathBuf>,
    is_cancelled: &AtomicBool,
) -> io::Result<Usage> {
    let mut usage = Usage::default();
    for entry in dir.read_dir(path)? {
        if is_cancelled.load(Ordering::Relaxed) {
            break;
        }
        let entry = entry?;
        // Not of a symlink's target.
        let metadata = match entry.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        if metadata.is_dir() {
            usage.dirs += 1;
            unread.push(path.join(entry.file_name()));
        } else {
            usage.files += 1;
            if metadata.is_file() || metadata.is_symlink() {
                usage.len = usage.len.saturating_add(metadata.len());
            }
        }
    }
    usage.allocated = usage.len;
    Ok(usage)
}
