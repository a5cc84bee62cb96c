//! The locks of what is model-checked: std's, and in a model those of loom, which tries every
//! order in which threads can meet at them.
//!
//! The models run with `RUSTFLAGS="--cfg async_tempdir_loom" cargo test --release --lib loom`, and
//! nothing else does: outside a model, loom's locks panic.

#[cfg(all(test, async_tempdir_loom))]
pub(crate) use loom::sync::*;
#[cfg(not(all(test, async_tempdir_loom)))]
pub(crate) use std::sync::*;
