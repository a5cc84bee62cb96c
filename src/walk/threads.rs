//! The threads of a walk: one, and helpers when that pays.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use super::helpers::Helpers;
use super::list::List;
use crate::util::{SpawnHelper, processors};

/// The default number of threads is that of the processors, but not more than a filesystem can use.
const MAX_THREADS: usize = 4;

/// The threads that a walk may have.
#[derive(Default)]
pub(crate) struct Threads {
    pub(crate) max: Option<usize>,
    /// `None` means no helpers.
    pub(crate) spawn_helper: Option<SpawnHelper>,
}

impl Threads {
    /// Calls `work` with what `new` returns, on this thread and on helpers, of which one is requested
    /// after `worthwhile` entries if there are more.
    pub(crate) fn work<W: Send + Sync + 'static>(
        self,
        worthwhile: usize,
        new: impl FnOnce(Helpers) -> W,
        work: fn(&W),
    ) {
        let default = || processors().min(MAX_THREADS);
        let max_helpers = match self.spawn_helper {
            Some(_) => self.max.unwrap_or_else(default).saturating_sub(1),
            None => 0,
        };
        let shared = Arc::new_cyclic(|shared| {
            // Weak, so that a late helper keeps nothing alive.
            let shared = Weak::clone(shared);
            let request_helper = move || {
                let shared = Weak::clone(&shared);
                if let Some(spawn_helper) = &self.spawn_helper {
                    spawn_helper(Box::new(move || {
                        if let Some(shared) = shared.upgrade() {
                            work(&shared);
                        }
                    }));
                }
            };
            new(Helpers::new(max_helpers, worthwhile, request_helper))
        });
        work(&shared);
    }
}

/// Takes part in `list` until it is finished. Calls `panicked` if `step` panics, and goes on.
pub(crate) fn work_off<T, S>(
    list: &List<T>,
    mut state: S,
    step: impl Fn(&mut S, T),
    panicked: impl Fn(&mut S, Box<dyn Any + Send>),
) {
    list.work_off(|work| {
        let caught = catch_unwind(AssertUnwindSafe(|| step(&mut state, work)));
        if let Err(panic) = caught {
            panicked(&mut state, panic);
        }
    });
}
