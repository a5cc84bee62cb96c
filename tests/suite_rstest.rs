//! A suite to copy if you use rstest: a fixture for each test, and a table of cases.
//!
//! ```toml
//! [dev-dependencies]
//! rstest = "0.28"
//! ```
//!
//! `#[future(awt)]` awaits the fixture. With `#[once]`, a fixture would be a `static`, whose directory
//! is never removed by the process that has made it: see `suite_shared.rs` instead.

use std::io;
use std::path::Path;
use std::time::Duration;

use async_tempdir::{AsyncTempDir, Builder, Cleanup};
use rstest::{fixture, rstest};

/// What is tested: moves every file in `inbox` to a directory named like its extension, and returns
/// how many those were. What has no extension stays.
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

/// A directory of its own for each test. Others that a fixture takes are its parameters.
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
async fn files_of_a_kind_come_together(#[future(awt)] inbox: AsyncTempDir) {
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
async fn whatever_is_in_it(
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
    let files = (0..1_000).map(|n| (format!("{n}.{}", kind(n)), n.to_string()));
    inbox.populate(files).await.unwrap();

    assert_eq!(sort(inbox.path()).await.unwrap(), 1_000);

    let sorted = (0..1_000).map(|n| (format!("{0}/{n}.{0}", kind(n)), n.to_string()));
    let sorted: Vec<_> = sorted.collect();
    // Shorter than both, should they differ.
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
