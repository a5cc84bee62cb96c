//! Tests of each engine without a runtime.

use std::fs;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use super::*;

type Engine = fn(&Dir, Budget, Arc<AtomicBool>, SpawnHelper) -> Result<Tree, Failure>;

fn engines() -> Vec<(&'static str, Engine)> {
    vec![
        ("portable", portable::read as Engine),
        #[cfg(unix)]
        ("unix", unix::read as Engine),
    ]
}

/// Reads with each engine what `fill` creates.
fn trees(fill: impl Fn(&Path)) -> Vec<(&'static str, Result<Tree, Failure>)> {
    trees_within(Tree::MAX_LEN, fill)
}

fn trees_within(len: u64, fill: impl Fn(&Path)) -> Vec<(&'static str, Result<Tree, Failure>)> {
    let outer = tempfile::tempdir().unwrap();
    fill(outer.path());
    let dir = Dir::open_ambient_dir(outer.path(), cap_std::ambient_authority()).unwrap();
    let read = |(name, engine): (&'static str, Engine)| {
        let no_helpers: SpawnHelper = Arc::new(drop);
        (
            name,
            engine(&dir, Budget::new(len), Arc::default(), no_helpers),
        )
    };
    engines().into_iter().map(read).collect()
}

#[test]
fn files_and_directories_are_read() {
    let large = "0123456789".repeat(10_000);
    let trees = trees(|root| {
        for dir in ["a", "a/b", "c", "empty"] {
            fs::create_dir(root.join(dir)).unwrap();
        }
        for (path, contents) in [("1", "x"), ("a/2", ""), ("a/b/3", &large), ("c/4", "\n")] {
            fs::write(root.join(path), contents).unwrap();
        }
    });
    for (name, tree) in trees {
        let tree = tree.unwrap();
        let expected = [
            ("1", "x"),
            ("a/2", ""),
            ("a/b/3", &large),
            ("c/4", "\n"),
            ("empty/", ""),
        ];
        assert_eq!(tree.diff(&expected), None, "{name}");
        let paths: Vec<_> = tree.iter().map(TreeEntry::path).collect();
        let sorted = ["1", "a", "a/2", "a/b", "a/b/3", "c", "c/4", "empty"].map(Path::new);
        assert_eq!(paths, sorted, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn a_symlink_is_read_and_not_followed() {
    let trees = trees(|root| {
        fs::create_dir(root.join("sub")).unwrap();
        fs::write(root.join("sub/file"), "12345678").unwrap();
        for (name, target) in [("1", "sub"), ("2", ".."), ("3", "nowhere"), ("4", "/")] {
            std::os::unix::fs::symlink(target, root.join(name)).unwrap();
        }
    });
    for (name, tree) in trees {
        let expected = [
            TreeEntry::symlink("1", "sub"),
            TreeEntry::symlink("2", ".."),
            TreeEntry::symlink("3", "nowhere"),
            TreeEntry::symlink("4", "/"),
            TreeEntry::file("sub/file", "12345678"),
        ];
        assert_eq!(tree.unwrap().diff(&expected), None, "{name}");
    }
}

#[test]
fn more_than_the_limit_is_refused_before_it_is_read() {
    let trees = trees(|root| {
        let sparse = File::create(root.join("sparse")).unwrap();
        sparse.set_len(Tree::MAX_LEN + 1).unwrap();
    });
    for (name, tree) in trees {
        let failure = tree.unwrap_err();
        assert_eq!(failure.error.kind(), ErrorKind::FileTooLarge, "{name}");
        assert_eq!(failure.path, Path::new("sparse"), "{name}");
    }
}

#[test]
fn paths_count_towards_the_limit() {
    let len = "dir".len() + "dir/dir".len() + "dir/dir/file".len() + 5;
    for (len, is_enough) in [(len, true), (len - 1, false), (5, false)] {
        let trees = trees_within(len as u64, |root| {
            fs::create_dir_all(root.join("dir/dir")).unwrap();
            fs::write(root.join("dir/dir/file"), "12345").unwrap();
        });
        for (name, tree) in trees {
            let failure = tree.map(|_| ()).map_err(|failure| failure.error.kind());
            let expected = match is_enough {
                true => Ok(()),
                false => Err(ErrorKind::FileTooLarge),
            };
            assert_eq!(failure, expected, "{name}, {len}");
        }
    }
}
