//! Directories made in all ways, and looked at.

use std::path::Path;
use std::sync::Arc;

use async_tempdir::{AsyncTempDir, Cleanup};

use crate::held::Held;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[
    NEW,
    NEW_IN,
    WITH_PREFIX,
    WITH_PREFIX_IN,
    WITH_SUFFIX,
    WITH_SUFFIX_IN,
    BUILDER,
    CHILD,
];

const NEW: &str = "new";
const NEW_IN: &str = "new_in";
const WITH_PREFIX: &str = "with_prefix";
const WITH_PREFIX_IN: &str = "with_prefix_in";
const WITH_SUFFIX: &str = "with_suffix";
const WITH_SUFFIX_IN: &str = "with_suffix_in";
const BUILDER: &str = "Builder::create";
pub(super) const CHILD: &str = "temp_dir";

pub(super) async fn create(task: &mut Task) -> Option<Held> {
    let world = Arc::clone(&task.world);
    let (work, tmp) = (&world.places.work, &world.places.tmp);
    let policy = Cleanup::Always;
    match task.rng.u8(..8) {
        0 => {
            let step = task.begin(NEW, "");
            let dir = AsyncTempDir::new().await;
            let dir = task.done(step, dir)?;
            Some(born(task, dir, policy, tmp, 0o700))
        }
        1 => {
            let step = task.begin(WITH_PREFIX, "");
            let dir = AsyncTempDir::with_prefix("tmp-b-").await;
            let dir = task.done(step, dir)?;
            Some(born(task, dir, policy, tmp, 0o700))
        }
        2 => {
            let step = task.begin(WITH_SUFFIX, "");
            let dir = AsyncTempDir::with_suffix(".e").await;
            let dir = task.done(step, dir)?;
            Some(born(task, dir, policy, tmp, 0o700))
        }
        3 | 4 => {
            let step = task.begin(NEW_IN, "");
            let dir = AsyncTempDir::new_in(work).await;
            let dir = task.done(step, dir)?;
            Some(born(task, dir, policy, work, 0o700))
        }
        5 => {
            let step = task.begin(WITH_PREFIX_IN, "");
            let dir = AsyncTempDir::with_prefix_in("tmp-a-", work).await;
            let dir = task.done(step, dir)?;
            Some(born(task, dir, policy, work, 0o700))
        }
        6 => {
            let step = task.begin(WITH_SUFFIX_IN, "");
            let dir = AsyncTempDir::with_suffix_in(".d", work).await;
            let dir = task.done(step, dir)?;
            Some(born(task, dir, policy, work, 0o700))
        }
        _ => {
            let step = task.begin(BUILDER, "");
            let builder = AsyncTempDir::builder()
                .prefix("tmpb")
                .random_len(12)
                .parent(work);
            // Cancelled, not even this one stays.
            let policy = if task.rng.u8(..4) == 0 {
                Cleanup::Never
            } else {
                Cleanup::Always
            };
            #[cfg(unix)]
            let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o750));
            let dir = builder.cleanup(policy).create().await;
            let dir = task.done(step, dir)?;
            let mut held = born(task, dir, policy, work, 0o750);
            held.set_cleanup(Cleanup::Always);
            Some(held)
        }
    }
}

/// Looks at a new directory, and takes care of it.
pub(super) fn born(
    task: &Task,
    dir: AsyncTempDir,
    policy: Cleanup,
    parent: &Path,
    mode: u32,
) -> Held {
    let held = Held::new(task, dir, policy);
    let path = held.path();
    let is_right = path.is_dir() && path.parent() == Some(parent) && is_mode(path, mode);
    if !is_right {
        let record = &task.world.record;
        record.violation(format!(
            "{path:?} was not created in {parent:?} as {mode:o}"
        ));
    }
    held
}

#[cfg(unix)]
fn is_mode(path: &Path, mode: u32) -> bool {
    use std::os::unix::fs::PermissionsExt;
    // The umask may remove bits. No others may be set.
    path.metadata().is_ok_and(|data| {
        let is = data.permissions().mode() & 0o777;
        is & !mode == 0 && is & 0o700 == 0o700
    })
}

#[cfg(not(unix))]
fn is_mode(_: &Path, _: u32) -> bool {
    true
}
