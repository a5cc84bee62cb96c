//! The locks of model-checked code: std's, or in a model, those of loom, which tries every order
//! in which threads can take them.
//!
//! The models run with `RUSTFLAGS="--cfg async_tempdir_loom" cargo test --release --lib loom`.
//! Nothing else runs that way, because outside a model, loom's locks panic.

#[cfg(all(test, async_tempdir_loom))]
pub(crate) use loom::sync::*;
#[cfg(not(all(test, async_tempdir_loom)))]
pub(crate) use std::sync::*;
