//! The threads of a removal: one, and helpers when that pays.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Weak};

use rustix::fd::OwnedFd;

use super::helpers::Helpers;
use super::node::Node;
use super::remover::Remover;
use super::walk::Walk;
use crate::remove::recorder::Recorder;
use crate::util::processors;

/// The default number of threads is that of the processors, but not more than a filesystem can use.
const MAX_THREADS: usize = 4;

/// Removes the directory `root` of `above`, with as many helpers as the options allow.
pub(super) fn remove(above: OwnedFd, root: Arc<Node>, recorder: Arc<Recorder>) {
    let options = recorder.options();
    let max_helpers = match options.spawn_helper {
        Some(_) => {
            let default = || processors().min(MAX_THREADS);
            options
                .max_threads
                .unwrap_or_else(default)
                .saturating_sub(1)
        }
        None => 0,
    };
    let walk = Arc::new_cyclic(|walk| {
        let walk = Weak::clone(walk);
        let helpers = Helpers::new(max_helpers, move || request_helper(&walk));
        Walk::new(above, root, recorder, helpers)
    });
    work(&walk);
}

fn request_helper(walk: &Weak<Walk>) {
    // Weak, so that a late helper keeps nothing alive.
    let weak = Weak::clone(walk);
    let help = move || {
        if let Some(walk) = weak.upgrade() {
            work(&walk);
        }
    };
    if let Some(walk) = walk.upgrade()
        && let Some(spawn_helper) = &walk.recorder.options().spawn_helper
    {
        spawn_helper(Box::new(help));
    }
}

fn work(walk: &Walk) {
    let mut remover = Remover::new(walk);
    walk.list.work_off(|work| {
        let step = || remover.run(work);
        // Nothing here should panic. If something does, that is reported as a failure.
        if catch_unwind(AssertUnwindSafe(step)).is_err() {
            let recorder = &walk.recorder;
            let panicked = io::Error::other("a thread of the removal panicked");
            recorder.failed(|| PathBuf::from(recorder.path()), panicked);
            // A new one, without the state of the old one.
            remover = Remover::new(walk);
        }
    });
}
