//! Tests of each engine without a runtime.

use std::fs;
use std::path::Path;

use cap_std::fs::Dir;

use super::*;

type Engine = fn(&Dir, Arc<AtomicBool>, SpawnHelper) -> Result<Usage, Failure>;

fn engines() -> Vec<(&'static str, Engine)> {
    vec![
        ("portable", portable::tree as Engine),
        #[cfg(unix)]
        ("unix", unix::tree as Engine),
    ]
}

/// Counts with each engine what `fill` creates.
fn usages(fill: impl Fn(&Path)) -> Vec<(&'static str, Usage)> {
    let outer = tempfile::tempdir().unwrap();
    fill(outer.path());
    let dir = Dir::open_ambient_dir(outer.path(), cap_std::ambient_authority()).unwrap();
    let count = |(name, engine): (&'static str, Engine)| {
        let no_helpers: SpawnHelper = Arc::new(drop);
        match engine(&dir, Arc::default(), no_helpers) {
            Ok(usage) => (name, usage),
            Err(failure) => panic!("{name}: {:?}: {}", failure.path, failure.error),
        }
    };
    engines().into_iter().map(count).collect()
}

#[test]
fn what_is_inside_is_counted() {
    let usages = usages(|root| {
        for dir in ["a", "a/b", "c"] {
            fs::create_dir(root.join(dir)).unwrap();
        }
        for (path, len) in [("1", 100), ("a/2", 0), ("a/b/3", 10_000)] {
            fs::write(root.join(path), vec![b'x'; len]).unwrap();
        }
    });
    for (name, usage) in usages {
        let counts = (usage.files, usage.dirs, usage.len);
        assert_eq!(counts, (3, 4, 10_100), "{name}");
        assert!(usage.allocated >= 10_100, "{name}: {usage:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_symlink_counts_itself() {
    let usages = usages(|root| {
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(root.join("sub/file"), "12345678").unwrap();
        for target in ["sub", "..", "nowhere", "."] {
            let name = format!("to {target}");
            std::os::unix::fs::symlink(target, root.join(name)).unwrap();
        }
    });
    for (name, usage) in usages {
        let counts = (usage.files, usage.dirs, usage.len);
        assert_eq!(counts, (5, 2, 8 + 3 + 2 + 7 + 1), "{name}");
    }
}
