//! A suite to copy. Each test copies a fixture into a temporary directory, runs a program there, and
//! compares the tree that the program leaves. A failing test keeps its directory and prints the path.
//!
//! ```toml
//! [dev-dependencies]
//! async-tempdir = "0.1"
//! tokio = { version = "1", features = ["macros", "process", "rt"] }
//! ```
//!
//! ```sh
//! ASYNC_TEMPDIR_ROOT=target/tmp cargo test --test suite
//! ```
//!
//! With rstest, begin with `suite_rstest.rs`; for a fixture that takes long to create, see
//! `suite_shared.rs` and `suite_nextest.rs`.

use std::path::PathBuf;
use std::process::Output;
use std::{env, fs, io};

use async_tempdir::{AsyncTempDir, Builder, Cleanup};
use tokio::process::Command;

/// Creates the files that every test begins with, so that this file can be copied without others.
///
/// If yours are in the repository, pass `concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/inbox")` to
/// `copy_from` instead.
async fn fixture() -> AsyncTempDir {
    let dir = AsyncTempDir::new().await.unwrap();
    let files = [("a.txt", "1"), ("b.png", "2"), ("README", "3")];
    dir.populate(files).await.unwrap();
    dir
}

/// Copies the fixture for a test, which may change its copy.
async fn inbox() -> AsyncTempDir {
    let builder = Builder::new().prefix("inbox-").cleanup(Cleanup::OnSuccess);
    let inbox = builder.create().await.unwrap();
    inbox.copy_from(fixture().await.path()).await.unwrap();
    inbox
}

/// Runs the program in `inbox`.
///
/// In your suite, that is `Command::new(env!("CARGO_BIN_EXE_<name>"))`. This crate has no program, so
/// the test [`program`] is one.
async fn sort(inbox: &AsyncTempDir) -> Output {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "program", "--nocapture"])
        .env("SORT", "here")
        .current_dir(inbox)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap()
}

#[tokio::test]
async fn files_are_sorted_by_extension() {
    let inbox = inbox().await;
    inbox.write("c.TXT", "4").await.unwrap();

    let output = sort(&inbox).await;

    assert!(output.status.success(), "{output:?}");
    let sorted = [
        ("README", "3"),
        ("png/b.png", "2"),
        ("txt/a.txt", "1"),
        ("txt/c.TXT", "4"),
    ];
    assert_eq!(inbox.tree().await.unwrap(), sorted);
}

#[tokio::test]
async fn sorting_again_changes_nothing() {
    let inbox = inbox().await;
    sort(&inbox).await;
    let once = inbox.tree().await.unwrap();

    sort(&inbox).await;

    assert_eq!(inbox.tree().await.unwrap(), once);
}

#[tokio::test]
async fn a_file_in_the_way_is_an_error() {
    let inbox = inbox().await;
    inbox.populate([("png", ""), ("txt", "")]).await.unwrap();
    let before = inbox.tree().await.unwrap();

    let output = sort(&inbox).await;

    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("error: cannot create"), "{message}");
    assert_eq!(inbox.tree().await.unwrap(), before, "nothing is lost");
}

/// The program, in the process that [`sort`] starts: moves each file into a directory named after its
/// extension.
#[test]
fn program() {
    if env::var_os("SORT").is_none() {
        return;
    }
    if let Err(error) = sort_here() {
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn sort_here() -> io::Result<()> {
    for entry in fs::read_dir(".")? {
        let file = PathBuf::from(entry?.file_name());
        if let Some(extension) = file.extension() {
            let dir = PathBuf::from(extension.to_ascii_lowercase());
            fs::create_dir_all(&dir)
                .map_err(|error| io::Error::other(format!("cannot create {dir:?}: {error}")))?;
            fs::rename(&file, dir.join(&file))?;
        }
    }
    Ok(())
}
