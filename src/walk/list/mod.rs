//! A list of the work that is left, from which all threads take.

use std::collections::VecDeque;
use std::sync::PoisonError;

use crate::util::sync::modelled::atomic::{AtomicUsize, Ordering};
use crate::util::sync::modelled::{Condvar, Mutex, MutexGuard};

#[cfg(all(test, async_tempdir_loom))]
mod loom_models;

/// A list of work, last in first out, and the threads that take from it.
///
/// Work creates more work, so the list may be empty while a thread is still working; the others
/// wait for that thread. The list is finished when it is empty and no thread is working.
#[derive(Debug)]
pub(crate) struct List<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    /// The number of pieces missing so that each of the other threads finds one after its current
    /// one. A hint, read without the lock.
    missing: AtomicUsize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    /// Threads at work.
    working: usize,
    /// Threads that wait for work.
    waiting: usize,
}

impl<T> List<T> {
    /// Creates a list of one piece of work.
    pub(crate) fn new(first: T) -> Self {
        Self {
            state: Mutex::new(State {
                items: VecDeque::from([first]),
                working: 0,
                waiting: 0,
            }),
            changed: Condvar::new(),
            missing: AtomicUsize::new(0),
        }
    }

    /// Returns whether a thread waits for work and there is none, or will after its current piece.
    /// A thread that never waits need not be woken.
    pub(crate) fn is_starving(&self) -> bool {
        self.missing.load(Ordering::Relaxed) > 0
    }

    /// Adds work, of which the last is taken first.
    pub(crate) fn add(&self, items: impl IntoIterator<Item = T>) {
        self.change(|list| list.extend(items));
    }

    /// Adds work that is taken when there is no other.
    pub(crate) fn add_for_later(&self, item: T) {
        self.change(|list| list.push_front(item));
    }

    fn change(&self, change: impl FnOnce(&mut VecDeque<T>)) {
        let mut state = self.lock();
        let before = state.items.len();
        change(&mut state.items);
        let wake = state.waiting.min(state.items.len() - before);
        self.update_hint(&state);
        drop(state);
        for _ in 0..wake {
            self.changed.notify_one();
        }
    }

    /// Takes part until the list is finished. Calls `run` with one piece after another.
    pub(crate) fn work_off(&self, mut run: impl FnMut(T)) {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.items.pop_back() {
                state.working += 1;
                self.update_hint(&state);
                drop(state);
                let at_work = AtWork(self);
                run(item);
                state = at_work.done(self.lock());
            } else if state.working == 0 {
                return;
            } else {
                state.waiting += 1;
                self.update_hint(&state);
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                state.waiting -= 1;
                self.update_hint(&state);
            }
        }
    }

    fn update_hint(&self, state: &State<T>) {
        // All threads except the one that reads it.
        let others = (state.working + state.waiting).saturating_sub(1);
        let missing = others.saturating_sub(state.items.len());
        self.missing.store(missing, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread at work on a piece. Its drop ends that, even in a panic.
struct AtWork<'a, T>(&'a List<T>);

impl<'a, T> AtWork<'a, T> {
    fn done(self, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        let list = self.0;
        std::mem::forget(self);
        Self::end(list, state)
    }

    fn end(list: &'a List<T>, mut state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        state.working -= 1;
        list.update_hint(&state);
        // Only if a thread waits, because notifying costs a system call in any case.
        if state.working == 0 && state.items.is_empty() && state.waiting > 0 {
            // The list is finished.
            list.changed.notify_all();
        }
        state
    }
}

impl<T> Drop for AtWork<'_, T> {
    fn drop(&mut self) {
        drop(Self::end(self.0, self.0.lock()));
    }
}
