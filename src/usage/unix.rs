//! Counts relative to open directories, with several threads when that pays.

use std::any::Any;
use std::collections::HashSet;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cap_std::fs::Dir;
use rustix::fd::BorrowedFd;
use rustix::fs::{FileType, Mode, Stat, fstat, openat};
use rustix::io::retry_on_intr;

use super::Usage;
use crate::util::SpawnHelper;
use crate::util::first_failure::{Failure, FirstFailure};
use crate::util::sync::Mutex;
use crate::walk::batch::Batch;
use crate::walk::file::{self, look};
use crate::walk::open::FLAGS;
use crate::walk::threads::Threads;
use crate::walk::{self, At, Visitor};

/// The number of entries after which a helper is requested, if there are more. Waking one costs as
/// much as asking for the metadata of fifty or a hundred.
const WORTHWHILE: usize = 256;

pub(super) fn tree(
    dir: &Dir,
    is_cancelled: Arc<AtomicBool>,
    spawn_helper: SpawnHelper,
) -> Result<Usage, Failure> {
    let opened = retry_on_intr(|| openat(dir, c".", FLAGS, Mode::empty()))
        .and_then(|root| Ok((fstat(&root)?, File::from(root))));
    let (stat, root) = opened.map_err(|error| Failure {
        path: PathBuf::new(),
        error: error.into(),
    })?;
    let counter = Arc::new(Counter {
        first_failure: FirstFailure::new(is_cancelled),
        counts: Mutex::new(Counts {
            usage: of_dir(&stat),
            ..Counts::default()
        }),
    });
    let threads = Threads {
        max: None,
        spawn_helper: Some(spawn_helper),
    };
    walk::tree(root, (), Arc::clone(&counter), threads, WORTHWHILE);
    counter.first_failure.take()?;
    let usage = counter.counts.lock().usage;
    Ok(usage)
}

/// Adds up what the threads of a walk find.
struct Counter {
    first_failure: FirstFailure,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    usage: Usage,
    /// Device and inode number of each file with other links.
    linked: HashSet<(u64, u64)>,
}

impl Visitor for Counter {
    type Dir = ();

    fn enter(&self, parent: &At<'_, ()>, name: &CStr, opened: BorrowedFd<'_>) -> Option<()> {
        match fstat(opened) {
            Ok(stat) => {
                self.counts.lock().usage.add(of_dir(&stat));
                Some(())
            }
            Err(error) => {
                self.failed(&|| parent.path_of(name), error.into());
                None
            }
        }
    }

    fn entries(&self, at: &At<'_, ()>, entries: &Batch, subdir: &mut dyn FnMut(&CStr)) {
        let mut usage = Usage::default();
        let mut linked = Vec::new();
        for (name, kind) in entries.iter() {
            if kind == FileType::Directory {
                subdir(name);
                continue;
            }
            match look(at.fd, name) {
                Ok(Some(stat)) if file::kind(&stat) == FileType::Directory => subdir(name),
                Ok(Some(stat)) if stat.st_nlink > 1 => {
                    linked.push((id(&stat), of_file(&stat)));
                    usage.files += 1;
                }
                Ok(Some(stat)) => {
                    usage.add(of_file(&stat));
                    usage.files += 1;
                }
                // Removed since its name was read.
                Ok(None) => {}
                Err(error) => return self.failed(&|| at.path_of(name), error),
            }
        }
        let mut counts = self.counts.lock();
        counts.usage.add(usage);
        for (id, usage) in linked {
            if counts.linked.insert(id) {
                counts.usage.add(usage);
            }
        }
    }

    fn failed(&self, path: &dyn Fn() -> PathBuf, error: io::Error) {
        // What is mounted there is not part of the directory.
        if error.kind() == io::ErrorKind::CrossesDevices {
            return;
        }
        self.first_failure.failed(path, error);
    }

    fn panicked(&self, panic: Box<dyn Any + Send>) {
        self.first_failure.panicked(panic);
    }

    fn is_cancelled(&self) -> bool {
        self.first_failure.is_over()
    }
}

#[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
fn id(stat: &Stat) -> (u64, u64) {
    (stat.st_dev as u64, stat.st_ino as u64)
}

fn of_dir(stat: &Stat) -> Usage {
    Usage {
        dirs: 1,
        len: 0,
        ..of_file(stat)
    }
}

/// Returns the bytes of a file, and no more: its names are counted elsewhere.
#[allow(clippy::unnecessary_cast, reason = "the widths differ between systems")]
fn of_file(stat: &Stat) -> Usage {
    let has_len = matches!(file::kind(stat), FileType::RegularFile | FileType::Symlink);
    Usage {
        len: if has_len { stat.st_size as u64 } else { 0 },
        allocated: (stat.st_blocks as u64).saturating_mul(512),
        ..Usage::default()
    }
}
