//! Walking the tree inside, with helper threads, until the future is dropped.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use cap_std::fs::Dir;

use super::populate::CancelOnDrop;
use crate::blocking::spawn;
use crate::dir::AsyncTempDir;
use crate::util::first_failure::Failure;
use crate::util::{SpawnHelper, with_path};

impl AsyncTempDir {
    /// Walks the directory on the blocking pool, with helper threads, until the future is dropped.
    /// Errors name `operation` and the path.
    pub(super) async fn walk<T: Send + 'static>(
        &self,
        operation: &'static str,
        walk: fn(&Dir, Arc<AtomicBool>, SpawnHelper) -> Result<T, Failure>,
    ) -> io::Result<T> {
        let cancel = CancelOnDrop::default();
        let is_cancelled = Arc::clone(&cancel.0);
        let root = self.path().to_path_buf();
        let runtime = self.owner.dir.queues_here().runtime.clone();
        self.run(move |dir| {
            let spawn_helper = Arc::new(move |help| spawn::request_help(&runtime, help));
            let walked = walk(dir, is_cancelled, spawn_helper);
            Ok(walked.map_err(|failure| {
                let path: PathBuf = root.iter().chain(&failure.path).collect();
                with_path(operation, &path, failure.error)
            }))
        })
        .await
        .map_err(|error| with_path(operation, self.path(), error))?
    }
}
