//! The beginning of a removal, of a path or of an owned directory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::blocking::oneshot::Sender;
use crate::blocking::spawn;
use crate::cleanup::ReportOnDrop;
use crate::owned::{Owner, WrongProcess};
use crate::remove::{self, Last, Options, Outcome, RemoveError, Retry, SpanContext};
use crate::sys;
use crate::util::SpawnHelper;

/// The target of a removal.
pub(super) enum Target {
    /// A directory that nothing in this crate owns. If dropped before, it is not touched.
    Path {
        given: PathBuf,
        resolved: io::Result<PathBuf>,
    },
    /// The rest of a directory that an earlier removal has left.
    Again(PathBuf, Box<Retry>),
    /// A directory with an owner. If dropped before, it is removed in the background.
    Owned(Owner),
}

impl Target {
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Path { given: path, .. } | Self::Again(path, _) => path,
            Self::Owned(owner) => &owner.dir.path,
        }
    }

    /// Begins the removal, whose result goes to `sender`.
    pub(super) fn remove(self, options: Options, sender: Sender<ReportOnDrop>) {
        match self {
            Self::Path { given, resolved } => match resolved {
                Ok(path) => remove_at(path, Retry::default(), options, sender),
                Err(error) => sender.run(|| ReportOnDrop::new(Outcome::failed(&given, error))),
            },
            Self::Again(path, retry) => remove_at(path, *retry, options, sender),
            Self::Owned(owner) => close(owner, options, sender),
        }
    }
}

/// Removes an owned directory as soon as no operation works in it.
fn close(owner: Owner, options: Options, sender: Sender<ReportOnDrop>) {
    let dir = Arc::clone(&owner.dir);
    if owner.dir.is_wrong_process() {
        let error = WrongProcess.into();
        return sender.run(|| ReportOnDrop::new(Outcome::failed(&dir.path, error)));
    }
    // An awaited removal does not queue behind dropped directories, and has helper threads.
    let queues = dir.queues_here();
    let options = for_caller(options, &queues.runtime);
    let shared = sender.shared();
    owner.close(move || {
        let task = move || {
            sender.run(move || {
                let removed = dir.remove(options);
                // The parent may be removed now, and counts as pending before the caller learns
                // that this one is gone.
                drop(dir);
                ReportOnDrop::new(removed)
            });
        };
        shared.expect(queues.operations.spawn_mandatory(task));
    });
}

/// Completes the options of a removal that the calling task waits for: it has helper threads from
/// `runtime`'s blocking pool, and is part of the task's span.
pub(crate) fn for_caller(options: Options, runtime: &Handle) -> Options {
    let runtime = runtime.clone();
    let spawn_helper: SpawnHelper = Arc::new(move |help| spawn::request_help(&runtime, help));
    Options {
        spawn_helper: Some(spawn_helper),
        span: SpanContext::current(),
        ..options
    }
}

/// Removes the directory at `path` on a thread of the runtime that the calling thread is in.
fn remove_at(path: PathBuf, retry: Retry, options: Options, sender: Sender<ReportOnDrop>) {
    if retry.process.is_some_and(|process| !process.is_current()) {
        let error = WrongProcess::with_kind(io::ErrorKind::InvalidInput);
        return sender.run(|| ReportOnDrop::new(Outcome::failed(&path, error)));
    }
    match spawn::current() {
        Ok(runtime) => {
            let options = for_caller(options, &runtime);
            // Not by the runtime's queue of operations: in a forked child, no lock of this crate may
            // be taken.
            spawn::spawn_mandatory(&runtime, move |_| {
                sender.run(|| ReportOnDrop::new(remove_path(&path, retry, options)));
            });
        }
        Err(error) => {
            let error = RemoveError::whole(&path, error).with_retry(retry);
            sender.run(|| ReportOnDrop::new(Err(error).into()));
        }
    }
}

fn remove_path(path: &Path, retry: Retry, mut options: Options) -> Outcome {
    if let Some(identity) = &retry.identity {
        options.last = retry.last.map(|name| Last {
            name,
            // Nothing holds the file open any more.
            release: Box::new(|| ()),
        });
        return remove::tree(path, Some(identity), options);
    }
    let refuse = |error| Err(RemoveError::whole(path, error).with_retry(retry)).into();
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_symlink() => refuse(sys::symlink_refused()),
        Ok(metadata) if !metadata.is_dir() => refuse(sys::not_a_dir()),
        Ok(_) => remove::tree(path, None, options),
        Err(error) => refuse(error),
    }
}
