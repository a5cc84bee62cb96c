//! The work that is left, for whoever has a hand free.

use std::collections::VecDeque;
use std::sync::PoisonError;

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex, MutexGuard};

#[cfg(all(test, async_tempdir_loom))]
mod loom_models;

/// A list of work, last in first out, and the threads that take from it.
///
/// Work makes more work, so the list may be empty while a thread is still at work: the others wait
/// for that one. It is over when nothing is left and nobody is at work.
#[derive(Debug)]
pub(super) struct List<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    /// How many pieces are missing for each of the other threads to find one when it has finished
    /// what it is at: a hint, read without the lock.
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
    /// A list of one piece of work.
    pub(super) fn new(first: T) -> Self {
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

    /// Whether somebody waits for work and there is none, or will when it has finished what it is
    /// at: one who never waits need not be woken.
    pub(super) fn is_wanting(&self) -> bool {
        self.missing.load(Ordering::Relaxed) > 0
    }

    /// Adds work: the last of it is taken first.
    pub(super) fn add(&self, items: impl IntoIterator<Item = T>) {
        self.change(|list| list.extend(items));
    }

    /// Adds work that is taken when there is no other.
    pub(super) fn add_for_later(&self, item: T) {
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

    /// Takes part until it is over: calls `step` with one piece after the other, and with `None`
    /// when there may be no more. Nobody finds it over while one of those calls goes on.
    pub(super) fn work_off(&self, mut step: impl FnMut(Option<T>)) {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.items.pop_back() {
                state.working += 1;
                self.update_hint(&state);
                drop(state);
                let at_work = AtWork(self);
                step(Some(item));
                state = self.lock();
                if state.items.is_empty() {
                    drop(state);
                    step(None);
                    state = self.lock();
                }
                state = at_work.done(state);
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
        // All but the one that reads it.
        let others = (state.working + state.waiting).saturating_sub(1);
        let missing = others.saturating_sub(state.items.len());
        self.missing.store(missing, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread at work on a piece; also in a panic, it is not for ever.
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
        // A call of the system, whether or not there is somebody to be told.
        if state.working == 0 && state.items.is_empty() && state.waiting > 0 {
            // It is over.
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
