//! The threads of a removal: one, and helpers when that pays.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::thread::available_parallelism;

use super::removal::Removal;
use super::work::Worker;

/// The number of entries after which a helper is requested, if there is more to do. Waking one
/// costs as much as removing five or ten entries.
const WORTHWHILE: usize = 48;

/// The default number of threads of a removal: the number of processors, but not more than a
/// filesystem can use.
static THREADS: LazyLock<usize> = LazyLock::new(|| {
    available_parallelism()
        .map_or(1, NonZero::get)
        .min(MAX_THREADS)
});
const MAX_THREADS: usize = 4;

/// The helpers of a removal.
pub(super) struct Crew {
    removal: Weak<Shared>,
    /// How many more may be requested.
    wanted: AtomicUsize,
    /// How many entries were processed since the last helper was requested.
    seen: AtomicUsize,
}

/// What the threads of a removal share.
struct Shared {
    removal: Removal,
    crew: Crew,
}

/// Carries out `removal`, with as many helpers as its options allow.
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
        // Nothing here should panic. If something does, that is reported as a failure.
        if catch_unwind(AssertUnwindSafe(step)).is_err() {
            let log = &shared.removal.log;
            let panicked = std::io::Error::other("a thread of the removal panicked");
            log.failed(|| PathBuf::from(log.path()), panicked);
            // A new worker, without the state of the old one.
            worker = Worker::new(&shared.removal, &shared.crew);
        }
    });
}

impl Crew {
    /// Notes that `entries` more were processed. Requests a helper if that pays and `more` remain.
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
        // Weak, so that a late helper keeps nothing alive.
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
