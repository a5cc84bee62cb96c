//! The threads of a removal: one, and others when that pays.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::thread::available_parallelism;

use super::removal::Removal;
use super::work::Worker;

/// After how many entries a helper is sent for, if there is more to do. To wake one costs as much
/// as it takes to remove five or ten.
const WORTHWHILE: usize = 48;

/// How many threads a removal has unless told otherwise: as many as there are processors, and not
/// more than a filesystem makes use of.
static THREADS: LazyLock<usize> = LazyLock::new(|| {
    available_parallelism()
        .map_or(1, NonZero::get)
        .min(MAX_THREADS)
});
const MAX_THREADS: usize = 4;

/// Who works on a removal.
pub(super) struct Crew {
    removal: Weak<Shared>,
    /// How many more may be sent for.
    wanted: AtomicUsize,
    /// How many entries there were up to now, until the last helper has been sent for.
    seen: AtomicUsize,
}

/// What helpers come to.
struct Shared {
    removal: Removal,
    crew: Crew,
}

/// Carries out `removal`, with the help that it may have.
pub(super) fn carry_out(removal: Removal) {
    let options = removal.log.options();
    let wanted = match options.helpers {
        Some(_) => options.max_threads.unwrap_or(*THREADS).saturating_sub(1),
        None => 0,
    };
    let shared = Arc::new_cyclic(|shared| Shared {
        removal,
        crew: Crew {
            removal: Weak::clone(shared),
            wanted: AtomicUsize::new(wanted),
            seen: AtomicUsize::new(0),
        },
    });
    work(&shared);
}

fn work(shared: &Shared) {
    let mut worker = Worker::new(&shared.removal, &shared.crew);
    shared.removal.list.work_off(|work| {
        let step = || match work {
            Some(work) => worker.carry_out(work),
            None => worker.pause(),
        };
        // Nothing in there should panic. If something does, what is left is not silent.
        if catch_unwind(AssertUnwindSafe(step)).is_err() {
            let log = &shared.removal.log;
            let panicked = std::io::Error::other("a thread of the removal panicked");
            log.failed(|| PathBuf::from(log.path()), panicked);
            // Not with what the old one had in its hands.
            worker = Worker::new(&shared.removal, &shared.crew);
        }
    });
}

impl Crew {
    /// `entries` more have been seen to; with `more` to come, that may be reason to send for help.
    pub(super) fn worked(&self, entries: usize, more: bool) {
        let wanted = self.wanted.load(Ordering::Relaxed);
        if wanted == 0 {
            return;
        }
        let seen = self.seen.fetch_add(entries, Ordering::Relaxed) + entries;
        if seen >= WORTHWHILE && more && self.take_one(wanted) {
            self.seen.store(0, Ordering::Relaxed);
            self.send_for_one();
        }
    }

    fn take_one(&self, wanted: usize) -> bool {
        let (ok, failed) = (Ordering::Relaxed, Ordering::Relaxed);
        self.wanted
            .compare_exchange(wanted, wanted - 1, ok, failed)
            .is_ok()
    }

    fn send_for_one(&self) {
        // Weak: one that comes too late finds nothing that it would keep alive.
        let shared = Weak::clone(&self.removal);
        let Some(strong) = shared.upgrade() else {
            return;
        };
        let help = move || {
            if let Some(shared) = shared.upgrade() {
                work(&shared);
            }
        };
        if let Some(helpers) = &strong.removal.log.options().helpers {
            helpers(Box::new(help));
        }
    }
}
