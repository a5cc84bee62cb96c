//! Reads a tree into memory, compares it and prints it. Knows neither Tokio nor handles.
//!
//! One engine reads on Unix, another elsewhere. They return a [`Tree`]. It is compared with an
//! [`ExpectedTree`] by looking for the first [difference](diff), and its `Debug` form is a [listing].

mod contents;
mod diff;
mod entry;
mod expected;
mod listing;
#[cfg(any(not(unix), test))]
mod portable;
mod quoted;
#[cfg(test)]
mod tests;
#[cfg(unix)]
mod unix;
mod value;

pub use diff::TreeDiff;
pub use entry::{TreeEntry, TreeKind};
pub use expected::ExpectedTree;
pub use value::Tree;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cap_std::fs::Dir;

use contents::Budget;

use crate::util::SpawnHelper;
use crate::util::first_failure::Failure;

#[cfg(not(unix))]
use portable as engine;
#[cfg(unix)]
use unix as engine;

/// Reads what is in `dir`, until `is_cancelled`, blocking the thread.
pub(crate) fn read(
    dir: &Dir,
    is_cancelled: Arc<AtomicBool>,
    spawn_helper: SpawnHelper,
) -> Result<Tree, Failure> {
    let budget = Budget::new(Tree::MAX_LEN);
    engine::read(dir, budget, is_cancelled, spawn_helper)
}
