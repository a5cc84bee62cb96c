//! A hostile neighbour that replaces a directory while it is adopted.

#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use async_tempdir::{AsyncTempDir, TempRoot, cleanup};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use support::{Sandbox, current_thread};

/// Creates a directory that can be told from the others.
fn create(path: &Path, number: u32) {
    fs::create_dir(path).unwrap();
    fs::write(path.join("number"), number.to_string()).unwrap();
}

/// The number of the directory at `path`, if that is one.
fn number(path: &Path) -> Option<u32> {
    let is_dir = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    let number = is_dir.then(|| fs::read_to_string(path.join("number")).ok());
    number.flatten().map(|number| number.parse().unwrap())
}

/// Stops a thread, also in a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Adopts what is at a path until `adoptions` have succeeded, while a thread exchanges that with
/// another directory, a symlink to a third, and a file. Returns how often something else was moved
/// and put back.
fn race(adoptions: u32, in_root: bool) -> u32 {
    let sandbox = Sandbox::new_in(&support::in_memory());
    let place = sandbox.join("place");
    let others = ["directory", "symlink", "file"].map(|name| sandbox.join(name));
    let mut created = 2;
    create(&place, 0);
    create(&others[0], 1);
    symlink("sibling", &others[1]).unwrap();
    fs::write(&others[2], "file").unwrap();

    let over = AtomicBool::new(false);
    let (mut removed, mut replaced) = (BTreeSet::new(), 0);
    let runtime = current_thread();
    let root = runtime.block_on(TempRoot::open_in("app", sandbox.path()));
    let root = root.unwrap();
    thread::scope(|scope| {
        let _over = Over(&over);
        let exchanging = scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for other in &others {
                    // It fails while nothing is there.
                    _ = renameat_with(CWD, &place, CWD, other, RenameFlags::EXCHANGE);
                }
                thread::yield_now();
            }
        });
        let deadline = Instant::now() + Duration::from_secs(300);
        while removed.len() < adoptions as usize {
            assert!(!exchanging.is_finished() && Instant::now() < deadline);
            let adopted = runtime.block_on(async {
                match in_root {
                    true => root.adopt(&place).await,
                    false => AsyncTempDir::adopt(&place).await,
                }
            });
            match adopted {
                Ok(adopted) => {
                    let number = number(adopted.path()).expect("it is one of the directories");
                    assert!(removed.insert(number), "each is adopted once");
                    // Complete before the exchange can see it.
                    let new = sandbox.join("new");
                    create(&new, created);
                    created += 1;
                    renameat_with(CWD, &new, CWD, &place, RenameFlags::NOREPLACE).unwrap();
                    drop(adopted);
                }
                Err(error) if error.to_string().contains("replaced it meanwhile") => replaced += 1,
                Err(error) => {
                    let kinds = [ErrorKind::NotADirectory, ErrorKind::NotFound];
                    assert!(kinds.contains(&error.kind()), "{error}");
                }
            }
        }
    });
    runtime.block_on(async {
        root.close().await.unwrap();
        cleanup::idle().await;
    });

    // Everything else is intact, at one of the four places.
    let left = sandbox.leftovers();
    assert_eq!(left.len(), 4, "nothing is lost or left: {left:?}");
    let dirs: BTreeSet<_> = left.iter().filter_map(|path| number(path)).collect();
    let expected: BTreeSet<_> = (0..created).filter(|n| !removed.contains(n)).collect();
    assert_eq!(dirs, expected, "only what was adopted is removed");
    let is_link = |path: &&_| fs::read_link(path).is_ok_and(|to| to == Path::new("sibling"));
    assert_eq!(left.iter().filter(is_link).count(), 1);
    let is_file = |path: &&_| fs::read_to_string(path).is_ok_and(|text| text == "file");
    assert_eq!(left.iter().filter(is_file).count(), 1);
    for path in &left {
        if fs::remove_file(path).is_err() {
            fs::remove_dir_all(path).unwrap();
        }
    }
    sandbox.check();
    replaced
}

#[test]
fn only_what_was_found_is_adopted() {
    for in_root in [false, true] {
        race(support::times(100) as u32, in_root);
    }
}

#[test]
#[ignore = "heavy: a thousand adoptions beside a thread that replaces what is adopted"]
fn heavy_only_what_was_found_is_adopted() {
    let replaced: u32 = [false, true]
        .map(|in_root| race(2_000, in_root))
        .iter()
        .sum();
    // One processor hardly ever changes threads within an adoption.
    let processors = thread::available_parallelism().map_or(1, usize::from);
    assert!(replaced > 0 || processors == 1, "the race was one");
}
