//! A suite to copy if you use rstest: a fixture for each test, and a table of cases.
//!
//! ```toml
//! [dev-dependencies]
//! async-tempdir = "0.1"
//! rstest = "0.28"
//! tokio = { version = "1", features = ["fs", "macros", "rt-multi-thread"] }
//! ```
//!
//! `#[future(awt)]` awaits the fixture. With `#[once]`, a fixture would be a `static`, which is never
//! dropped: see `suite_shared.rs` instead.

use std::io;
use std::path::Path;
use std::time::Duration;

use async_tempdir::{AsyncTempDir, Builder, Cleanup};
use rstest::{fixture, rstest};

/// The code under test: moves every file in `inbox` that has an extension into a directory named after
/// that. Returns their number.
async fn sort(inbox: &Path) -> io::Result<usize> {
    let mut moved = 0;
    let mut entries = tokio::fs::read_dir(inbox).await?;
    while let Some(entry) = entries.next_entry().await? {
        let path = entry.path();
        if let (Some(extension), true) = (path.extension(), entry.file_type().await?.is_file()) {
            let dir = inbox.join(extension.to_ascii_lowercase());
            tokio::fs::create_dir_all(&dir).await?;
            tokio::fs::rename(&path, dir.join(entry.file_name())).await?;
            moved += 1;
        }
    }
    Ok(moved)
}

/// Creates a directory for each test, with `files` in it. `#[with(…)]` passes others.
#[fixture]
async fn inbox(
    #[default(&[("a.txt", "1"), ("b.png", "2")])] files: &[(&str, &str)],
) -> AsyncTempDir {
    let builder = Builder::new().prefix("inbox-").cleanup(Cleanup::OnSuccess);
    let inbox = builder.create().await.expect("a directory for the test");
    inbox.populate(files.iter().copied()).await.unwrap();
    inbox
}

#[rstest]
#[tokio::test]
async fn files_are_sorted_by_extension(#[future(awt)] inbox: AsyncTempDir) {
    inbox.write("c.txt", "3").await.unwrap();

    assert_eq!(sort(inbox.path()).await.unwrap(), 3);

    let sorted = [("png/b.png", "2"), ("txt/a.txt", "1"), ("txt/c.txt", "3")];
    assert_eq!(inbox.tree().await.unwrap(), sorted);
}

#[rstest]
#[case::nothing(&[], &[])]
#[case::no_extension(&[("README", "")], &[("README", "")])]
#[case::capitals(&[("A.TXT", "1"), ("b.txt", "2")], &[("txt/A.TXT", "1"), ("txt/b.txt", "2")])]
#[case::two_extensions(&[("a.tar.gz", "")], &[("gz/a.tar.gz", "")])]
#[case::hidden(&[(".profile", "")], &[(".profile", "")])]
#[case::sorted_already(&[("txt/a.txt", "")], &[("txt/a.txt", "")])]
#[tokio::test]
async fn special_names(
    #[future(awt)]
    #[with(&[])]
    inbox: AsyncTempDir,
    #[case] before: &[(&str, &str)],
    #[case] after: &[(&str, &str)],
) {
    inbox.populate(before.iter().copied()).await.unwrap();
    sort(inbox.path()).await.unwrap();
    assert_eq!(inbox.tree().await.unwrap(), after);
}

#[rstest]
#[timeout(Duration::from_secs(60))]
#[tokio::test(flavor = "multi_thread")]
async fn many_files(
    #[future(awt)]
    #[with(&[])]
    inbox: AsyncTempDir,
) {
    let kind = |n: usize| ["a", "b"][n % 2];
    let files = (0..100).map(|n| (format!("{n}.{}", kind(n)), n.to_string()));
    inbox.populate(files).await.unwrap();

    assert_eq!(sort(inbox.path()).await.unwrap(), 100);

    let sorted = (0..100).map(|n| (format!("{0}/{n}.{0}", kind(n)), n.to_string()));
    let sorted: Vec<_> = sorted.collect();
    // If they differ, this prints less than both trees.
    assert_eq!(inbox.tree().await.unwrap().diff(&sorted), None);
}

#[rstest]
#[tokio::test]
async fn a_file_in_the_way_is_an_error(
    #[future(awt)]
    #[with(&[("a.txt", ""), ("txt", "")])]
    inbox: AsyncTempDir,
) {
    let before = inbox.tree().await.unwrap();
    let error = sort(inbox.path()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(inbox.tree().await.unwrap(), before, "nothing is lost");
}
