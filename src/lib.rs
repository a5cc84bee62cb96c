//! crate docs
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod builder;
pub mod cleanup;
mod contents;
mod create;
mod dir;
mod error;
mod name;
mod owned;
mod pool;
mod remove;
mod reply;
mod scope;
mod sys;

pub use builder::{Builder, Cleanup};
pub use dir::AsyncTempDir;
pub use error::PersistError;
pub use remove::{Removal, RemoveDirAll, RemoveError, RemoveFailure, Removed, remove_dir_all};
