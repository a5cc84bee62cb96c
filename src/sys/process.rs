//! Which process this is.

use std::process;

/// A process, as distinct from those that it forks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    id: u32,
    namespace: Option<Namespace>,
}

/// Device and inode number of a namespace of process ids.
type Namespace = (u64, u64);

impl Process {
    pub(crate) fn current() -> Self {
        let id = process::id();
        Self {
            id,
            namespace: namespace(id),
        }
    }

    /// Returns whether it has the id of the calling process. This costs less than
    /// [`is_current`](Self::is_current).
    pub(crate) fn has_current_id(&self) -> bool {
        self.id == process::id()
    }

    /// Returns whether it is the calling process.
    pub(crate) fn is_current(&self) -> bool {
        self.has_current_id() && self.has_current_namespace()
    }

    /// Returns whether the calling process, which has its id, is in its namespace of process ids.
    pub(crate) fn has_current_namespace(&self) -> bool {
        match (self.namespace, namespace(self.id)) {
            (Some(own), Some(here)) => own == here,
            // Without `/proc`, now or then, only the id can be compared.
            _ => true,
        }
    }
}

/// Returns the namespace of the calling process's id, if the id alone is not enough. A process can
/// fork one with the same id only as the first of a new namespace, where the id is 1.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn namespace(id: u32) -> Option<Namespace> {
    use std::os::unix::fs::MetadataExt;

    let found = (id == 1).then(|| std::fs::metadata("/proc/self/ns/pid").ok());
    found.flatten().map(|found| (found.dev(), found.ino()))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn namespace(_id: u32) -> Option<Namespace> {
    None
}
