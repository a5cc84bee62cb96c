//! A mutex without poisoning, and the locks that loom's models replace.

use std::sync::{MutexGuard, PoisonError, TryLockError};

/// A mutex that a panic of its holder does not poison.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the mutex unless another thread has it.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.0.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// The locks of model-checked code: std's, or in a model, those of loom, which tries every order in
/// which threads can take them.
///
/// The models run with `RUSTFLAGS="--cfg async_tempdir_loom" cargo test --release --lib loom`.
/// Nothing else runs that way, because outside a model, loom's locks panic.
pub(crate) mod modelled {
    #[cfg(all(test, async_tempdir_loom))]
    pub(crate) use loom::sync::*;
    #[cfg(not(all(test, async_tempdir_loom)))]
    pub(crate) use std::sync::*;
}
