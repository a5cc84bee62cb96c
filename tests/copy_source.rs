//! What may be in a tree that is copied, and what may happen to it meanwhile.

#![cfg(unix)]

mod support;

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use async_tempdir::{AsyncTempDir, CopyError, CopySide};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use support::{Sandbox, fill, in_memory, mkfifo, multi_thread};

/// The paths that failed, relative to `source`, sorted, each with its kind of error.
fn failures(error: &CopyError, source: &Path) -> Vec<(PathBuf, ErrorKind)> {
    let failures = error.failures().iter().map(|failure| {
        assert_eq!(failure.side, CopySide::Source, "{error}");
        let path = failure.path.strip_prefix(source).unwrap();
        (path.to_path_buf(), failure.error.kind())
    });
    let mut failures: Vec<_> = failures.collect();
    failures.sort();
    failures
}

/// Mode, times and inode of everything in `dir`, and of itself. Times of access are not compared:
/// reading changes them.
fn stamps(dir: &Path) -> Vec<(PathBuf, [i64; 6])> {
    let mut all = Vec::new();
    let mut paths = vec![dir.to_path_buf()];
    while let Some(path) = paths.pop() {
        let found = fs::symlink_metadata(&path).unwrap();
        if found.is_dir() {
            paths.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        let stamps = [
            found.mode().into(),
            found.mtime(),
            found.mtime_nsec(),
            found.ctime(),
            found.ctime_nsec(),
            found.ino().cast_signed(),
        ];
        all.push((path, stamps));
    }
    all.sort();
    all
}

#[tokio::test]
async fn what_is_neither_file_nor_directory_nor_link_fails_alone() {
    let sandbox = Sandbox::new();
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    fill(&source);
    mkfifo(&source.join("a/fifo"));
    let _listener = UnixListener::bind(source.join("socket")).unwrap();
    let before = stamps(&source);
    let dir = sandbox.dir().await;
    let error = dir.copy_from(&source).await.unwrap_err();
    let expected = ["a/fifo", "socket"].map(|path| (path.into(), ErrorKind::InvalidInput));
    assert_eq!(failures(&error, &source), expected);
    assert!(error.to_string().contains("it is a "), "{error}");
    assert_eq!((error.copied().files, error.copied().dirs), (11, 3));
    assert_eq!(dir.read("a/1").await.unwrap(), b"1");
    // Nor are they linked to.
    let error = dir
        .copy_from(&source)
        .to("l")
        .hard_links()
        .await
        .unwrap_err();
    assert_eq!(failures(&error, &source), expected);
    assert!(!dir.path().join("l/a/fifo").exists());
    // Only links are made of the files, which changes their time.
    let times = |stamps: Vec<(PathBuf, [i64; 6])>| -> Vec<_> {
        let stamps = stamps.into_iter();
        stamps
            .map(|(path, [mode, at, ..])| (path, mode, at))
            .collect()
    };
    assert_eq!(times(stamps(&source)), times(before));
    dir.close().await.unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_source_is_not_written_to() {
    let sandbox = Sandbox::new();
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    fill(&source);
    symlink("../sibling", source.join("out")).unwrap();
    fs::set_permissions(source.join("a/b"), Permissions::from_mode(0o500)).unwrap();
    let before = stamps(&source);
    let dir = sandbox.dir().await;
    dir.copy_from(&source).await.unwrap();
    // Not over the first one, whose own `a/b` lets nothing be written.
    dir.copy_from(&source).to("new/er").await.unwrap();
    assert_eq!(stamps(&source), before);
    dir.close().await.unwrap();
    fs::set_permissions(source.join("a/b"), Permissions::from_mode(0o700)).unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn symlinks_are_copied_and_not_followed_except_the_source_itself() {
    let sandbox = Sandbox::new();
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    let long = "x/".repeat(1_000);
    let links = [
        ("out", "../sibling"),
        ("absolute", "/etc"),
        ("dangling", "not there"),
        ("loop", "loop"),
        ("up", ".."),
        ("itself", "."),
        ("long", &long),
    ];
    for (name, target) in links {
        symlink(target, source.join(name)).unwrap();
    }
    let name = OsStr::from_bytes(b"\xff\n");
    symlink(name, source.join(name)).unwrap();
    let link = sandbox.join("link");
    symlink("source", &link).unwrap();
    let dir = sandbox.dir().await;
    for from in [&source, &link] {
        let copied = dir.copy_from(from).await.unwrap();
        assert_eq!((copied.symlinks, copied.files, copied.dirs), (8, 0, 0));
        for (name, target) in links {
            let copy = fs::read_link(dir.path().join(name)).unwrap();
            assert_eq!(copy, Path::new(target));
        }
        assert_eq!(fs::read_link(dir.path().join(name)).unwrap(), name);
    }
    dir.close().await.unwrap();
    fs::remove_file(link).unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn what_is_in_the_destination_is_not_followed() {
    let sandbox = Sandbox::new();
    let source = sandbox.join("source");
    fs::create_dir_all(source.join("d")).unwrap();
    for file in ["d/file", "file", "fifo", "dangling"] {
        fs::write(source.join(file), "new").unwrap();
    }
    symlink("kept", source.join("link")).unwrap();
    let dir = sandbox.dir().await;
    symlink("../sibling", dir.path().join("d")).unwrap();
    symlink("../sibling/file", dir.path().join("file")).unwrap();
    symlink("../sibling/new", dir.path().join("dangling")).unwrap();
    symlink("../sibling/file", dir.path().join("link")).unwrap();
    mkfifo(&dir.path().join("fifo"));
    let error = dir.copy_from(&source).await.unwrap_err();
    let mut failures: Vec<_> = error
        .failures()
        .iter()
        .map(|failure| (failure.path.as_path(), failure.side, failure.error.kind()))
        .collect();
    failures.sort_by_key(|failure| failure.0);
    let (d, fifo) = (source.join("d"), source.join("fifo"));
    let expected = [
        (d.as_path(), CopySide::Destination, ErrorKind::NotADirectory),
        (&fifo, CopySide::Destination, ErrorKind::InvalidInput),
    ];
    assert_eq!(failures, expected, "{error}");
    for file in ["file", "dangling"] {
        let metadata = fs::symlink_metadata(dir.path().join(file)).unwrap();
        assert!(metadata.is_file(), "{file} is a new one");
        assert_eq!(dir.read(file).await.unwrap(), b"new");
    }
    assert_eq!(
        fs::read_link(dir.path().join("link")).unwrap(),
        Path::new("kept")
    );
    let kind = fs::symlink_metadata(dir.path().join("fifo")).unwrap();
    assert!(kind.file_type().is_fifo(), "it is left alone");
    let entries = fs::read_dir(sandbox.join("sibling")).unwrap();
    assert_eq!(entries.count(), 1, "nothing escapes");
    dir.close().await.unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[test]
fn what_cannot_be_read_fails_alone() {
    if !support::as_ordinary_user("what_cannot_be_read_fails_alone") {
        return;
    }
    let sandbox = Sandbox::new();
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    fill(&source);
    let modes = |a: u32, b: u32| {
        fs::set_permissions(source.join("c/1"), Permissions::from_mode(a)).unwrap();
        fs::set_permissions(source.join("a/b"), Permissions::from_mode(b)).unwrap();
    };
    modes(0, 0);
    multi_thread().block_on(async {
        let dir = sandbox.dir().await;
        let error = dir.copy_from(&source).await.unwrap_err();
        let expected = ["a/b", "c/1"].map(|path| (path.into(), ErrorKind::PermissionDenied));
        assert_eq!(failures(&error, &source), expected);
        assert_eq!((error.copied().files, error.copied().dirs), (7, 2));
        // Readable but not searchable.
        modes(0o600, 0o600);
        let error = dir.copy_from(&source).await.unwrap_err();
        assert_eq!(error.failed(), 3, "{error}");
        // Modes that keep their owner out are set when everything is in place.
        modes(0o400, 0o500);
        dir.copy_from(&source).to("new").await.unwrap();
        let mode = |path| fs::metadata(dir.path().join(path)).unwrap().mode() & 0o7777;
        assert_eq!((mode("new/c/1"), mode("new/a/b")), (0o400, 0o500));
        // A directory that nothing can be written into.
        dir.copy_from(&source).to("ro").await.unwrap();
        fs::set_permissions(dir.path().join("ro/c"), Permissions::from_mode(0o500)).unwrap();
        let error = dir.copy_from(&source).to("ro").await.unwrap_err();
        // In a/b and in c.
        assert_eq!(error.failed(), 6, "{error}");
        assert_eq!(error.failures()[0].side, CopySide::Destination);
        dir.close().await.unwrap();
    });
    modes(0o600, 0o700);
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn modes_without_special_bits() {
    let sandbox = Sandbox::new();
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    let set = |path: &str, mode| {
        fs::set_permissions(source.join(path), Permissions::from_mode(mode)).unwrap();
    };
    for mode in [0o400, 0o640, 0o666, 0o755, 0o777, 0o4755, 0o6711, 0o000] {
        let name = format!("{mode:o}");
        fs::write(source.join(&name), "x").unwrap();
        // Root reads it in any case.
        set(&name, mode | 0o400);
        let name = format!("d{mode:o}");
        fs::create_dir(source.join(&name)).unwrap();
        fs::write(source.join(&name).join("file"), "x").unwrap();
        set(&name, mode | 0o500 | 0o1000);
    }
    set("", 0o751);
    let dir = sandbox.dir().await;
    dir.copy_from(&source).await.unwrap();
    dir.copy_from(&source).to("new").await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    for entry in fs::read_dir(&source).unwrap() {
        let entry = entry.unwrap();
        for copy in [dir.path().to_path_buf(), dir.path().join("new")] {
            let copy = copy.join(entry.file_name());
            assert_eq!(mode(&copy), mode(&entry.path()) & 0o777, "{copy:?}");
        }
    }
    assert_eq!(mode(dir.path()), 0o700, "it was there before");
    assert_eq!(mode(&dir.path().join("new")), 0o751);
    dir.close().await.unwrap();
    fs::set_permissions(&source, Permissions::from_mode(0o700)).unwrap();
    AsyncTempDir::new_in(&sandbox.path())
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    async_tempdir::remove_dir_all(source).await.unwrap();
    sandbox.check();
}

/// The bytes that a file takes.
fn allocated(path: &Path) -> u64 {
    // Some filesystems allocate when they write.
    File::open(path).unwrap().sync_all().unwrap();
    fs::metadata(path).unwrap().blocks() * 512
}

#[tokio::test]
async fn holes_stay_holes() {
    use std::os::unix::fs::FileExt;

    const LEN: u64 = 16 << 20;

    let sandbox = Sandbox::new();
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    for (name, data) in [
        ("all", &[][..]),
        ("middle", &[5 << 20, 10 << 20]),
        ("begin", &[0]),
        ("end", &[LEN - 1]),
    ] {
        let file = File::create(source.join(name)).unwrap();
        file.set_len(LEN).unwrap();
        for at in data {
            file.write_all_at(b"x", *at).unwrap();
        }
    }
    let dir = sandbox.dir().await;
    let copied = dir.copy_from(&source).await.unwrap();
    assert_eq!((copied.files, copied.bytes), (4, 4 * LEN), "with the holes");
    for name in ["all", "middle", "begin", "end"] {
        let (file, copy) = (source.join(name), dir.path().join(name));
        assert!(
            fs::read(&copy).unwrap() == fs::read(&file).unwrap(),
            "{name}"
        );
        // Where the source has none, there is nothing to keep.
        let (of_file, of_copy) = (allocated(&file), allocated(&copy));
        assert!(
            of_copy <= of_file + (1 << 20),
            "{name}: {of_copy}, not {of_file}"
        );
    }
    dir.close().await.unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

/// Files that say that they are empty.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn files_of_unknown_length() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let proc = Path::new("/proc/sys/kernel/random");
    let only = |path: &Path| path == Path::new("boot_id");
    let copied = dir.copy_from(proc).filter(only).await.unwrap();
    let expected = fs::read(proc.join("boot_id")).unwrap();
    assert_eq!(dir.read("boot_id").await.unwrap(), expected);
    assert_eq!((copied.files, copied.bytes), (1, expected.len() as u64));
    dir.close().await.unwrap();
    sandbox.check();
}

/// Makes a chain of directories below `dir`, each with a file and an empty directory beside the next.
fn chain(dir: &Path, levels: usize) {
    const FLAGS: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY);

    let mut at = openat(CWD, dir, FLAGS, Mode::empty()).unwrap();
    for _ in 0..levels {
        mkdirat(&at, "d", Mode::RWXU).unwrap();
        mkdirat(&at, "e", Mode::RWXU).unwrap();
        openat(&at, "f", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
        at = openat(&at, "d", FLAGS, Mode::empty()).unwrap();
    }
}

fn copy_a_chain(levels: usize) {
    let sandbox = Sandbox::new_in(&in_memory());
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    chain(&source, levels);
    multi_thread().block_on(async {
        let dir = sandbox.dir().await;
        for _ in 0..2 {
            let copied = dir.copy_from(&source).await.unwrap();
            let levels = levels as u64;
            assert_eq!((copied.files, copied.dirs), (levels, 2 * levels));
        }
        let removed = dir.close().await.unwrap();
        let levels = levels as u64;
        assert_eq!((removed.files, removed.dirs), (levels, 2 * levels + 1));
        async_tempdir::remove_dir_all(&source).await.unwrap();
    });
    sandbox.check();
}

#[test]
fn hundreds_of_levels() {
    copy_a_chain(500);
}

#[test]
#[ignore = "heavy: twenty thousand levels"]
fn heavy_twenty_thousand_levels() {
    copy_a_chain(20_000);
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_mounted_in_the_source_is_left_out() {
    if !support::where_it_may_mount("what_is_mounted_in_the_source_is_left_out") {
        return;
    }
    let sandbox = Sandbox::new();
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    fill(&source);
    support::mount(&source.join("a/b"));
    fs::write(source.join("a/b/on it"), "x").unwrap();
    multi_thread().block_on(async {
        let dir = sandbox.dir().await;
        let error = dir.copy_from(&source).await.unwrap_err();
        let expected = [("a/b".into(), ErrorKind::CrossesDevices)];
        assert_eq!(failures(&error, &source), expected);
        assert!(!dir.path().join("a/b").exists());
        // What is mounted is a source like any other, and another filesystem than the destination.
        let copied = dir
            .copy_from(source.join("a/b"))
            .hard_links()
            .await
            .unwrap();
        assert_eq!((copied.files, copied.hard_links), (1, 0));
        dir.close().await.unwrap();
    });
    support::unmount(&source.join("a/b"));
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

/// Another process has a lease on a file, and is told to give it up. It may remove the file then.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_is_leased_is_waited_for() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use support::Need;

    if !support::require(
        "a_file_that_is_leased_is_waited_for",
        &[Need::Program("python3", "--version")],
    ) {
        return;
    }
    // The signal that tells it is blocked from the start, so that it is not missed.
    const LEASE: &str = "import fcntl, os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGIO])
fd = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
print('leased', flush=True)
signal.sigwait([signal.SIGIO])
if sys.argv[2] == 'remove':
    os.unlink(sys.argv[1])";
    for (then, files) in [("nothing", 1), ("remove", 0)] {
        let sandbox = Sandbox::new_in(&in_memory());
        let source = sandbox.join("source");
        fs::create_dir(&source).unwrap();
        fs::write(source.join("file"), "leased").unwrap();
        let mut command = Command::new("python3");
        command.args(["-c", LEASE]).arg(source.join("file"));
        let mut holder = command.arg(then).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(holder.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        // Some filesystems have no leases.
        if line == "leased\n" {
            let dir = sandbox.dir().await;
            let copied = dir.copy_from(&source).await.unwrap();
            assert_eq!((copied.files, copied.bytes), (files, 6 * files));
            dir.close().await.unwrap();
        }
        holder.wait().unwrap();
        fs::remove_dir_all(source).unwrap();
        sandbox.check();
    }
}

/// A part of the source is mounted in the destination, so that each file there is the file itself.
#[cfg(target_os = "linux")]
#[test]
fn what_is_mounted_in_the_destination_is_not_written_to() {
    if !support::where_it_may_mount("what_is_mounted_in_the_destination_is_not_written_to") {
        return;
    }
    let sandbox = Sandbox::new();
    let source = sandbox.join("source");
    fs::create_dir(&source).unwrap();
    fill(&source);
    // A link changes the `ctime` of a file.
    let files = || {
        let all = stamps(&source).into_iter();
        all.map(|(path, [mode, mtime, nsec, _, _, ino])| (path, [mode, mtime, nsec, ino]))
            .collect::<Vec<_>>()
    };
    let before = files();
    multi_thread().block_on(async {
        let dir = sandbox.dir().await;
        let mounted = dir.path().join("a/b");
        fs::create_dir_all(&mounted).unwrap();
        support::bind(&source.join("a/b"), &mounted);
        for hard_links in [false, true] {
            let copy = dir.copy_from(&source);
            let copied = match hard_links {
                true => copy.hard_links().await,
                false => copy.await,
            };
            assert_eq!(files(), before, "hard links: {hard_links}");
            let error = copied.unwrap_err();
            let [failure] = error.failures() else {
                panic!("{error}");
            };
            assert_eq!(failure.path, source.join("a/b"));
            assert_eq!(failure.side, CopySide::Destination);
            assert_eq!(failure.error.kind(), ErrorKind::CrossesDevices);
        }
        support::unmount(&mounted);
        dir.close().await.unwrap();
    });
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

/// Tells a thread to end, also in a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Copies the directory `d` of `sandbox`, again and again while `change` does something to it, until
/// `enough` says so.
fn copy_during(
    change: impl Fn(&Path, usize) + Sync,
    enough: impl Fn(&Path, Result<(), CopyError>) -> bool,
) {
    let sandbox = Sandbox::new_in(&in_memory());
    let source = sandbox.join("d");
    fs::create_dir(&source).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let over = Over(&is_over);
        scope.spawn(|| {
            let mut n = 0;
            while !is_over.load(Ordering::Relaxed) {
                change(&source, n);
                n += 1;
            }
        });
        multi_thread().block_on(async {
            loop {
                let dir = sandbox.dir().await;
                let copied = dir.copy_from(&source).await;
                let ends = enough(dir.path(), copied.map(drop));
                dir.close().await.unwrap();
                if ends {
                    break;
                }
            }
        });
        drop(over);
    });
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}

/// An entry is a file, a FIFO, a symlink to a secret and a directory in turn.
#[test]
fn an_entry_that_keeps_changing_its_type() {
    let change = |source: &Path, n: usize| {
        let (name, new) = (source.join("entry"), source.join("new"));
        match n % 4 {
            0 => fs::write(&new, "file").unwrap(),
            1 => mkfifo(&new),
            2 => symlink("../sibling/file", &new).unwrap(),
            _ => {
                let _ = fs::remove_file(&name);
                fs::create_dir(&name).unwrap();
                fs::write(name.join("in it"), "file").unwrap();
                fs::remove_dir_all(&name).unwrap();
                return;
            }
        }
        fs::rename(&new, &name).unwrap();
    };
    let rounds = std::cell::Cell::new(0);
    copy_during(change, |copy, _result| {
        for entry in fs::read_dir(copy).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            assert!(!kind.is_fifo(), "it is not copied");
            if kind.is_file() {
                let bytes = fs::read(&path).unwrap();
                assert!(b"file".starts_with(&bytes), "never what a symlink leads to");
            }
        }
        rounds.set(rounds.get() + 1);
        rounds.get() == support::times(200)
    });
}

/// A file grows as long as it is copied, and is then begun anew.
#[test]
fn a_file_that_keeps_growing_ends_where_it_was() {
    let change = |source: &Path, n: usize| {
        use std::io::Write;

        let mut options = fs::OpenOptions::new();
        let truncate = n.is_multiple_of(100);
        options
            .create(true)
            .append(!truncate)
            .write(true)
            .truncate(truncate);
        let mut file = options.open(source.join("log")).unwrap();
        file.write_all(&[b'x'; 10_000]).unwrap();
    };
    let rounds = std::cell::Cell::new(0);
    copy_during(change, |copy, result| {
        result.unwrap();
        if let Ok(bytes) = fs::read(copy.join("log")) {
            assert!(bytes.len() <= 100 * 10_000);
            assert!(bytes.iter().all(|byte| *byte == b'x'));
            rounds.set(rounds.get() + 1);
        }
        rounds.get() == support::times(100)
    });
}

/// Whole directories come and go.
#[test]
fn directories_that_vanish() {
    let change = |source: &Path, n: usize| {
        let dir = source.join((n % 3).to_string());
        fs::create_dir_all(dir.join("a/b")).unwrap();
        fs::write(dir.join("a/b/c"), "x").unwrap();
        fs::remove_dir_all(dir).unwrap();
    };
    let rounds = std::cell::Cell::new(0);
    copy_during(change, |_copy, result| {
        result.unwrap();
        rounds.set(rounds.get() + 1);
        rounds.get() == support::times(200)
    });
}

/// A directory of the destination is exchanged for a symlink that leads out, again and again.
#[cfg(target_os = "linux")]
#[test]
fn a_symlink_planted_in_the_destination_meanwhile() {
    use rustix::fs::{RenameFlags, renameat_with};

    let sandbox = Sandbox::new_in(&in_memory());
    let source = sandbox.join("source");
    fs::create_dir_all(source.join("d/e")).unwrap();
    for n in 0..10 {
        fs::write(source.join(format!("d/{n}")), "x").unwrap();
        fs::write(source.join(format!("d/e/{n}")), "x").unwrap();
    }
    let runtime = multi_thread();
    let dir = runtime.block_on(sandbox.dir());
    fs::create_dir(dir.path().join("d")).unwrap();
    symlink("../sibling", dir.path().join("link")).unwrap();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let over = Over(&is_over);
        let (d, link) = (dir.path().join("d"), dir.path().join("link"));
        let is_over = &is_over;
        scope.spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                renameat_with(CWD, &d, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        });
        runtime.block_on(async {
            let (mut copied, mut refused) = (0, 0);
            while copied < 20 || refused < 20 {
                match dir.copy_from(&source).await {
                    Ok(_) => copied += 1,
                    Err(_) => refused += 1,
                }
            }
        });
        drop(over);
    });
    let entries = fs::read_dir(sandbox.join("sibling")).unwrap();
    assert_eq!(entries.count(), 1, "nothing escapes");
    runtime.block_on(dir.close()).unwrap();
    fs::remove_dir_all(source).unwrap();
    sandbox.check();
}
