//! The threads of a removal: one, and helpers when that pays.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fd::OwnedFd;

use super::node::Node;
use super::remover::Remover;
use super::walk::Walk;
use crate::remove::recorder::Recorder;
use crate::walk::threads::{Threads, work_off};

/// The number of entries after which a helper is requested, if there is more to do. Waking one
/// costs as much as removing five or ten entries.
const WORTHWHILE: usize = 48;

/// Removes the directory `root` of `above`, with as many helpers as the options allow.
pub(super) fn remove(above: OwnedFd, root: Arc<Node>, recorder: Arc<Recorder>) {
    let options = recorder.options();
    let threads = Threads {
        max: options.max_threads,
        spawn_helper: options.spawn_helper.clone(),
    };
    let new = |helpers| Walk::new(above, root, recorder, helpers);
    threads.work(WORTHWHILE, new, work);
}

fn work(walk: &Walk) {
    let step = |remover: &mut Remover<'_>, work| remover.run(work);
    work_off(&walk.list, Remover::new(walk), step, |remover, _panic| {
        // Nothing here should panic. If something does, that is reported as a failure.
        let recorder = &walk.recorder;
        let panicked = io::Error::other("a thread of the removal panicked");
        recorder.failed(|| PathBuf::from(recorder.path()), panicked);
        // A new one, without the state of the old one.
        *remover = Remover::new(walk);
    });
}
