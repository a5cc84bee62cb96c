//! The handle of a temporary directory.

// In the order of a directory's life, in which rustdoc lists their methods.
mod adopt;
mod builder;
mod create;
mod handle;
mod parent;
mod run_root;
mod run_variables;
mod scope;
mod scope_error;
mod thread_label;

mod contents;

mod ending;
mod persist;
mod persist_error;
mod publish;

pub(crate) use parent::Parent;
pub(crate) use run_variables::create_run_parent;

pub use builder::Builder;
pub use contents::{
    Contents, CopyFrom, DirEntry, FileType, OpenOptions, ReadDir, ReaderChunks, WriteStream,
};
pub use handle::AsyncTempDir;
pub use persist::Persist;
pub use persist_error::PersistError;
pub use scope_error::ScopeError;
