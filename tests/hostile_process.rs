//! A hostile neighbour, who changes the tree while it is being removed.

#![cfg(unix)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_tempdir::remove_dir_all;
use support::{Sandbox, runtimes};

/// Tells threads to end, also in a panic.
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How many directories are next to each other: between the reading of their names and the opening
/// of the last there is time to swap it.
const DIRS: u64 = 100;

/// Enough directories for more than one thread, each with a file.
fn make(root: &Path) {
    for a in 0..2 {
        for b in 0..DIRS {
            let dir = root.join(format!("{a}/{b}/sub"));
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join("file"), "x").unwrap();
            fs::write(root.join(format!("{a}/{b}/file")), "x").unwrap();
        }
    }
}

/// A small generator of our own, as good as any here.
fn next(state: &mut u64) -> u64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// Swaps directories for symlinks to the canary and back, renames, creates and deletes, whatever
/// is there by now. Returns how often something of that worked.
fn disturb(root: &Path, canary: &Path, seed: u64, over: &AtomicBool) -> u64 {
    let mut state = seed;
    let mut done = 0;
    while !over.load(Ordering::Relaxed) {
        let (a, b) = (next(&mut state) % 2, next(&mut state) % DIRS);
        let dir = root.join(format!("{a}/{b}"));
        let aside = root.join(format!("{a}/aside{b}"));
        // An absolute one may lead through another filesystem, and fail for that alone.
        let to_canary = if next(&mut state).is_multiple_of(4) {
            canary
        } else {
            Path::new("../../sibling")
        };
        let worked = match next(&mut state) % 6 {
            0 | 1 => fs::rename(&dir, &aside).is_ok() && symlink(to_canary, &dir).is_ok(),
            2 => fs::remove_file(&dir).is_ok() && fs::rename(&aside, &dir).is_ok(),
            3 => fs::rename(dir.join("sub"), root.join(format!("sub{b}"))).is_ok(),
            // Not in `dir`, which may be a link to the canary by now.
            4 => fs::write(root.join(format!("{a}/late{b}")), "x").is_ok(),
            _ => symlink(canary, root.join(format!("{a}/link{b}"))).is_ok(),
        };
        done += u64::from(worked);
    }
    done
}

#[test]
fn the_canary_never_changes() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new_in(&support::in_memory());
        let canary = sandbox.join("sibling");
        let root = sandbox.join("root");
        let disturbances = AtomicU64::new(0);
        let rounds = 100;
        for round in 0..rounds {
            fs::create_dir(&root).unwrap();
            make(&root);
            std::thread::scope(|scope| {
                let over = Over(Arc::new(AtomicBool::new(false)));
                for seed in 0..2 {
                    let is_over = Arc::clone(&over.0);
                    let (root, canary, disturbances) = (&root, &canary, &disturbances);
                    scope.spawn(move || {
                        let done = disturb(root, canary, round * 2 + seed, &is_over);
                        disturbances.fetch_add(done, Ordering::Relaxed);
                    });
                }
                // It may fail, for the neighbour goes on; it may not get out, or hang.
                let _ = runtime.block_on(remove_dir_all(&root).into_future());
            });
            let canaries: Vec<_> = fs::read_dir(&canary).unwrap().collect();
            assert_eq!(canaries.len(), 1, "nothing was put there");
            sandbox.check_sibling();
            // Without the neighbour nothing is in the way.
            if root.exists() {
                runtime
                    .block_on(remove_dir_all(&root).into_future())
                    .unwrap();
            }
            assert!(!root.exists());
        }
        let disturbances = disturbances.into_inner();
        assert!(disturbances > rounds, "{disturbances} are no neighbour");
        drop(runtime);
        sandbox.check();
    }
}
