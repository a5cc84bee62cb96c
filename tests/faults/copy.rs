//! A copy whose calls fail: what it says is true, and the source is what it was.

use std::fs;
use std::path::{Path, PathBuf};

use async_tempdir::{AsyncTempDir, Copied, CopyError};
use rustix::io::Errno;

use crate::case::{Snapshot, build, snapshot};
use crate::process::{available, disturbed};
use crate::support::{Sandbox, in_memory};

const SOURCE: &str = "source";

/// What the other process does in `place`: copies, and leaves the copy.
pub(crate) async fn copy(place: &Path) {
    match AsyncTempDir::new_in(place).await {
        Ok(dir) => {
            tell(dir.copy_from(place.join(SOURCE)).max_threads(4).await);
            dir.keep();
        }
        Err(error) => println!("not created {error}"),
    }
}

fn tell(result: Result<Copied, CopyError>) {
    let copied = match &result {
        Ok(copied) => *copied,
        Err(error) => error.copied(),
    };
    println!("files {}", copied.files + copied.symlinks);
    println!("dirs {}", copied.dirs);
    if let Err(error) = result {
        println!("failed {}", error.failed());
        for failure in error.failures() {
            let errno = Errno::from_io_error(&failure.error).map_or(0, Errno::raw_os_error);
            println!("failure {errno} {}", failure.path.display());
        }
    }
}

/// Everything below a directory, by its path relative to that.
fn relative(dir: &Path) -> Snapshot {
    let entries = snapshot(dir).into_iter();
    entries
        .map(|(path, entry)| (path.strip_prefix(dir).unwrap().to_path_buf(), entry))
        .collect()
}

/// Copies a tree while `faults` happen, and returns the number of failures. `None` if that did not
/// begin.
fn run(faults: &str) -> Option<u64> {
    let sandbox = Sandbox::new_in(&in_memory());
    let place = sandbox.join("place");
    let source = place.join(SOURCE);
    fs::create_dir_all(&source).unwrap();
    build(&source);
    fs::write(source.join("large"), vec![b'x'; 3_000_000]).unwrap();
    let before = relative(&source);
    let report = disturbed("copy", &place, faults);
    assert!(
        relative(&source) == before,
        "{faults}: the source is changed"
    );
    let failed = report.and_then(|report| {
        if report.not_created.is_some() {
            return None;
        }
        let mut entries = fs::read_dir(&place)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let copy = entries.find(|path| !path.ends_with(SOURCE)).unwrap();
        let copy = relative(&copy);
        let failures: Vec<_> = report
            .failures
            .iter()
            .map(|(_, path)| path.strip_prefix(&source).unwrap())
            .collect();
        let all = report.failed == failures.len() as u64;
        for (path, entry) in &before {
            if copy.get(path) != Some(entry) {
                let told = failures.iter().any(|failure| path.starts_with(failure));
                assert!(
                    told || !all,
                    "{faults}: {path:?} is not as it was: {report:?}"
                );
            }
        }
        for path in copy.keys() {
            assert!(before.contains_key(path), "{faults}: {path:?} is new");
        }
        Some(report.failed)
    });
    fs::remove_dir_all(PathBuf::from(&place)).unwrap();
    sandbox.check();
    failed
}

#[test]
fn what_cannot_be_copied_is_reported() {
    if !available() {
        return;
    }
    let (mut began, mut failed) = (0, 0);
    let calls = [
        (
            "mkdirat",
            &["EIO", "ENOSPC"][..],
            &["2", "4", "2+3", "20+"][..],
        ),
        ("openat2", &["EIO", "EACCES"], &["1", "3", "5+3", "30+"]),
        ("getdents64", &["EIO"], &["3", "5", "2+2"]),
        ("symlinkat", &["EIO", "ENOSPC"], &["1", "2", "1+"]),
        ("readlinkat", &["EIO"], &["1", "1+"]),
        // More are made by the start of the process.
        ("openat", &["EIO", "EACCES"], &["60", "70+7", "90+"]),
        ("fchmod", &["EIO"], &["1", "1+"]),
        ("copy_file_range", &["ENOSPC", "EFBIG"], &["1", "1+"]),
    ];
    for (call, errors, whens) in calls {
        for error in errors {
            for when in whens {
                if let Some(failures) = run(&format!("{call}:error={error}:when={when}")) {
                    began += 1;
                    failed += failures;
                }
            }
        }
    }
    assert!(began > 10, "only {began} processes began");
    assert!(failed > 0, "nothing failed");
}

/// What the system, or a filesystem, may not have is done in another way.
#[test]
fn what_is_missing_is_done_otherwise() {
    if !available() {
        return;
    }
    for faults in [
        "openat2:error=ENOSYS",
        "copy_file_range:error=ENOSYS",
        "copy_file_range:error=EXDEV;ioctl:error=EOPNOTSUPP",
        "copy_file_range:error=EINVAL",
        // Some filesystems say so where there is more to read.
        "copy_file_range:retval=0",
        "copy_file_range:error=EINTR:when=1+2;ioctl:error=EINTR:when=1",
        "fchmod:error=EPERM",
        "mkdirat:error=EINTR:when=2+2;symlinkat:error=EINTR:when=1+2",
    ] {
        assert_eq!(run(faults), Some(0), "{faults}");
    }
}
