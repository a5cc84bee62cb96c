//! Paths of any kind, in a directory with symlinks of any kind: nothing outside is touched or read.
//!
//! Each input is run in a directory of its own, next to a canary. A finding ends the process at
//! once, so what it left on disk is still there to be looked at.

#![no_main]

mod canary;
mod input;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use async_tempdir::{AsyncTempDir, OpenOptions};
use futures::{StreamExt, stream};
use libfuzzer_sys::fuzz_target;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

use canary::{Canary, walk};
use input::{Act, Step};

/// Where links are planted, one after the other.
const LINKS: [&str; 4] = ["a", "b", "d/a", "c"];

/// One for all inputs: starting it would cost more than most of them.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_current_thread()
        .build()
        .expect("a runtime starts")
});

fuzz_target!(|data: &[u8]| RUNTIME.block_on(run(data)));

async fn run(data: &[u8]) {
    let canary = Canary::new();
    let dir = AsyncTempDir::new_in(canary.parent())
        .await
        .expect("a directory is created");
    let mut links = LINKS.iter();
    for (number, step) in (0..).zip(input::steps(data)) {
        let path = step.path(canary.path(), dir.path());
        match step.act {
            // Whatever cannot be planted (a name is taken, a target is too long) is left out.
            Act::Link => {
                if let Some(name) = links.next() {
                    let _ = symlink(path, dir.path().join(name));
                }
            }
            Act::Fifo => fifo(&dir.path().join("f")),
            _ => check(&dir, &step, Path::new(&path), b'A' + number).await,
        }
    }
    let listed = dir.list().await.expect("the directory is listed");
    assert_eq!(listed, walk(dir.path()), "`list` finds what is there");
    canary.check(&[dir.file_name()]);
    dir.close().await.expect("whatever is inside is removed");
    canary.check(&[]);
}

/// Somebody else's, for the operations to come upon: opened as a file, it would wait for ever.
#[cfg(target_os = "linux")]
fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    let _ = mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0);
}

#[cfg(not(target_os = "linux"))]
fn fifo(_: &Path) {}

/// Does what the step says, and looks at what came of it.
async fn check(dir: &AsyncTempDir, step: &Step<'_>, path: &Path, letter: u8) {
    let bytes = path.as_os_str().as_bytes();
    let elsewhere = bytes.first() == Some(&b'/') && !path.starts_with(dir.path());
    let impossible = bytes.is_empty() || elsewhere || bytes.contains(&0);
    match perform(dir, step.act, path, letter).await {
        Ok(there) => {
            assert!(!impossible, "{:?} of {path:?} is an error", step.act);
            if there {
                let resolved =
                    fs::canonicalize(dir.path().join(path)).expect("what was named is there");
                let root = fs::canonicalize(dir.path()).expect("the directory is there");
                assert!(
                    resolved.starts_with(root),
                    "{:?} of {path:?} stays inside, and not {resolved:?}",
                    step.act
                );
            }
        }
        Err(error) => check_message(&error),
    }
}

/// Does what `act` says. Says whether there has to be something at `path` then.
async fn perform(dir: &AsyncTempDir, act: Act, path: &Path, letter: u8) -> io::Result<bool> {
    let contents = vec![letter; 8];
    match act {
        Act::Link | Act::Fifo => unreachable!("these are not operations of the directory"),
        Act::Write => {
            let full = dir.write(path, contents.clone()).await?;
            assert_eq!(full, dir.path().join(path));
            assert_eq!(dir.read(path).await?, contents, "{path:?} was written");
        }
        Act::Read => check_read(&dir.read(path).await?),
        Act::ReadToString => check_read(dir.read_to_string(path).await?.as_bytes()),
        Act::Open => read_opened(dir.open(path).await?).await?,
        Act::Create => {
            write_opened(dir.create(path).await?, &contents).await?;
            assert_eq!(dir.read(path).await?, contents, "{path:?} was created");
        }
        Act::CreateNew => {
            write_opened(dir.create_new(path).await?, &contents).await?;
            assert_eq!(dir.read(path).await?, contents, "{path:?} was created");
        }
        Act::Append => {
            write_opened(dir.append(path).await?, &contents).await?;
            let read = dir.read(path).await?;
            assert!(read.ends_with(&contents), "{path:?} was appended to");
        }
        Act::CreateDir => {
            dir.create_dir(path).await?;
        }
        Act::CreateDirAll => {
            dir.create_dir_all(path).await?;
        }
        Act::TryExists => return exists(dir, path).await,
        Act::Remove => {
            dir.remove(path).await?;
            let found = fs::symlink_metadata(dir.path().join(path));
            assert!(found.is_err(), "{path:?} is gone");
            return Ok(false);
        }
        Act::Populate => {
            let files = [Path::new("d/first"), path, Path::new("last")];
            dir.populate(files.map(|path| (path, contents.clone())))
                .await?;
            assert_eq!(dir.read(path).await?, contents, "{path:?} was populated");
        }
        Act::WriteStream => {
            let chunks = contents
                .chunks(3)
                .map(|chunk| Ok::<_, io::Error>(chunk.to_vec()));
            dir.write_stream(path, stream::iter(chunks)).await?;
            assert_eq!(dir.read(path).await?, contents, "{path:?} was streamed");
        }
        Act::FailStream => return Err(fail_stream(dir, path, contents).await),
        Act::OpenWith => {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(true);
            let mut file = dir.open_with(path, &options).await?;
            file.write_all(&contents).await?;
            file.flush().await?;
            assert_eq!(dir.read(path).await?, contents, "{path:?} was opened");
        }
        Act::RenameFrom => {
            dir.rename(path, "m").await?;
            assert!(fs::symlink_metadata(dir.path().join("m")).is_ok());
            return Ok(false);
        }
        Act::RenameTo => {
            own_file(dir, &contents).await;
            dir.rename(OWN, path).await?;
            assert_eq!(fs::read(dir.path().join(path))?, contents, "{path:?}");
        }
        Act::CopyFrom => {
            dir.copy(path, "y").await?;
            check_read(&dir.read("y").await?);
        }
        Act::CopyTo => {
            own_file(dir, &contents).await;
            dir.copy(OWN, path).await?;
            assert_eq!(dir.read(path).await?, contents, "{path:?} is a copy");
        }
        Act::HardLinkFrom => {
            dir.hard_link(path, "h").await?;
            let made = dir.path().join("h");
            if made.symlink_metadata()?.is_file() {
                check_read(&fs::read(made)?);
            }
            // A symlink has been linked itself, wherever it leads.
            return Ok(false);
        }
        Act::HardLinkTo => {
            own_file(dir, &contents).await;
            dir.hard_link(OWN, path).await?;
            assert_eq!(fs::read(dir.path().join(path))?, contents, "{path:?}");
        }
        Act::SymlinkFrom => {
            dir.symlink(path, "k/link").await?;
            assert_eq!(fs::read_link(dir.path().join("k/link"))?, path);
            return Ok(false);
        }
        Act::SymlinkTo => {
            dir.symlink("nothing", path).await?;
            assert!(dir.path().join(path).is_symlink());
            return Ok(false);
        }
        Act::Metadata => {
            let expected = dir.metadata(path).await?.ino();
            let found = fs::metadata(dir.path().join(path))?.ino();
            assert_eq!(found, expected, "{path:?} has this metadata");
        }
        Act::SymlinkMetadata => {
            let expected = dir.symlink_metadata(path).await?.ino();
            let found = fs::symlink_metadata(dir.path().join(path))?.ino();
            assert_eq!(found, expected, "{path:?} has this metadata");
            return Ok(false);
        }
        Act::SetPermissions => {
            let permissions = Permissions::from_mode(0o700);
            dir.set_permissions(path, permissions).await?;
        }
        Act::ReadDir => {
            let entries = dir.read_dir(path).await?;
            let mut found: Vec<_> = entries
                .map(|entry| entry.expect("an entry is read").file_name().to_owned())
                .collect()
                .await;
            found.sort_unstable();
            let mut expected: Vec<_> = fs::read_dir(dir.path().join(path))?
                .map(|entry| entry.expect("an entry is read").file_name())
                .collect();
            expected.sort_unstable();
            assert_eq!(found, expected, "{path:?} is listed");
        }
    }
    Ok(true)
}

/// The file that is renamed, copied or linked to a path.
const OWN: &str = "own";

/// Makes it anew, unless something else has the name.
async fn own_file(dir: &AsyncTempDir, contents: &[u8]) {
    let _ = dir.remove(OWN).await;
    let _ = dir.write(OWN, contents.to_vec()).await;
}

/// Whether `path` exists, which the system has to see in the same way.
async fn exists(dir: &AsyncTempDir, path: &Path) -> io::Result<bool> {
    let exists = dir.try_exists(path).await?;
    let full = dir.path().join(path);
    assert_eq!(fs::exists(full).ok(), Some(exists), "{path:?} exists");
    Ok(exists)
}

/// Streams what ends in an error: every file has to be as it was.
async fn fail_stream(dir: &AsyncTempDir, path: &Path, contents: Vec<u8>) -> io::Error {
    let before = files(dir.path());
    let chunks = [Ok(contents), Err(io::Error::from(ErrorKind::BrokenPipe))];
    let result = dir.write_stream(path, stream::iter(chunks)).await;
    assert_eq!(files(dir.path()), before, "{path:?} is not there in part");
    result.expect_err("the stream's error is that of writing it")
}

/// The files below, and what is in them.
fn files(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    walk(root)
        .into_iter()
        .filter(|path| {
            root.join(path)
                .symlink_metadata()
                .is_ok_and(|m| m.is_file())
        })
        .map(|path| {
            let contents = fs::read(root.join(&path)).expect("a file inside is read");
            (path, contents)
        })
        .collect()
}

async fn write_opened(mut file: File, contents: &[u8]) -> io::Result<()> {
    file.write_all(contents).await?;
    // Else the file may still be written to when this returns.
    file.flush().await
}

async fn read_opened(mut file: File) -> io::Result<()> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).await?;
    check_read(&bytes);
    Ok(())
}

/// Capital letters are all that is written inside, and none are in the canary.
fn check_read(bytes: &[u8]) {
    assert!(
        bytes.iter().all(u8::is_ascii_uppercase),
        "{:?} was not written inside",
        OsStr::from_bytes(bytes)
    );
}

/// A hostile name must not forge lines of a log, nor colours of a terminal.
fn check_message(error: &io::Error) {
    let message = error.to_string();
    assert!(
        !message.contains(char::is_control),
        "{message:?} is one line"
    );
}
