//! Tests of each engine without a runtime.

use std::fs;
use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::recorder::{Failure, Recorder};
use super::{Copied, CopyError, CopySide, Options, portable};
use crate::sys::{self, Identity};

type Engine = fn(File, Option<&Identity>, &Arc<Recorder>) -> Result<(), Failure>;

fn engines() -> Vec<Engine> {
    vec![
        portable::copy as Engine,
        #[cfg(unix)]
        super::unix::copy,
    ]
}

fn copy(engine: Engine, source: &Path, to: &Path, options: Options) -> Result<Copied, CopyError> {
    let recorder = Recorder::new(source, to, options);
    engine(sys::open_dir(to).unwrap(), None, &recorder)
        .map_err(|Failure { side, error }| CopyError::whole(source, to, side, error))?;
    let (result, panic) = recorder.finish();
    assert!(panic.is_none());
    result
}

/// Runs `test` with each engine, a source that has something in it, and an empty destination.
fn with_each(test: impl Fn(Engine, &Path, &Path)) {
    for engine in engines() {
        let outer = tempfile::tempdir().unwrap();
        let (source, to) = (outer.path().join("source"), outer.path().join("to"));
        fs::create_dir_all(source.join("a/b")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(source.join("a/b/file"), "contents").unwrap();
        fs::write(source.join("empty"), "").unwrap();
        test(engine, &source, &to);
        assert_eq!(fs::read(source.join("a/b/file")).unwrap(), b"contents");
    }
}

#[test]
fn a_tree_twice() {
    with_each(|engine, source, to| {
        for _ in 0..2 {
            let copied = copy(engine, source, to, Options::default()).unwrap();
            assert_eq!((copied.files, copied.dirs, copied.bytes), (2, 2, 8));
            assert_eq!(fs::read(to.join("a/b/file")).unwrap(), b"contents");
            assert_eq!(fs::read(to.join("empty")).unwrap(), b"");
        }
    });
}

#[test]
fn what_is_in_the_way() {
    with_each(|engine, source, to| {
        fs::create_dir(to.join("empty")).unwrap();
        fs::write(to.join("a"), "file").unwrap();
        let error = copy(engine, source, to, Options::default()).unwrap_err();
        let mut kinds: Vec<_> = error
            .failures()
            .iter()
            .map(|failure| (failure.path.clone(), failure.side, failure.error.kind()))
            .collect();
        kinds.sort_by(|a, b| a.0.cmp(&b.0));
        let there = CopySide::Destination;
        let expected = [
            (source.join("a"), there, ErrorKind::NotADirectory),
            (source.join("empty"), there, ErrorKind::IsADirectory),
        ];
        assert_eq!(kinds, expected);
        let first = format!("cannot write the copy of {:?}: ", error.failures()[0].path);
        assert!(error.to_string().contains(&first), "{error}");
    });
}

#[test]
fn into_itself() {
    with_each(|engine, source, to| {
        for (source, to) in [
            (source, source),
            (source, &source.join("a")),
            (&source.join("a"), source),
            (to.parent().unwrap(), to),
        ] {
            let error = copy(engine, source, to, Options::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        }
    });
}

#[test]
fn hard_links_over_files() {
    with_each(|engine, source, to| {
        copy(engine, source, to, Options::default()).unwrap();
        let options = Options {
            hard_links: true,
            ..Options::default()
        };
        let copied = copy(engine, source, to, options).unwrap();
        assert_eq!((copied.files, copied.hard_links, copied.bytes), (2, 2, 0));
        // Of the same length: some FUSE filesystems remember that for each name.
        let (file, copied) = (source.join("a/b/file"), to.join("a/b/file"));
        fs::write(&file, "changed!").unwrap();
        assert_eq!(fs::read(&copied).unwrap(), b"changed!");
        // A copy replaces the links.
        copy(engine, source, to, Options::default()).unwrap();
        fs::write(&file, "contents").unwrap();
        assert_eq!(fs::read(&copied).unwrap(), b"changed!");
    });
}

#[cfg(unix)]
#[test]
fn links_and_fifos() {
    use std::os::unix::fs::symlink;

    with_each(|engine, source, to| {
        symlink("/nowhere", source.join("link")).unwrap();
        let fifo = source.join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        assert!(made.unwrap().success());
        // Leads to the source, and must be neither followed nor written through.
        symlink(source.join("a/b/file"), to.join("empty")).unwrap();
        symlink(source, to.join("a")).unwrap();
        let error = copy(engine, source, to, Options::default()).unwrap_err();
        let mut failed: Vec<_> = error
            .failures()
            .iter()
            .map(|failure| &failure.path)
            .collect();
        failed.sort();
        assert_eq!(failed, [&source.join("a"), &fifo], "{error}");
        let copied = error.copied();
        assert_eq!((copied.files, copied.symlinks, copied.dirs), (1, 1, 0));
        assert_eq!(
            fs::read_link(to.join("link")).unwrap(),
            Path::new("/nowhere")
        );
        assert_eq!(fs::read(to.join("empty")).unwrap(), b"");
    });
}
