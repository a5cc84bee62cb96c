//! A suite such as yours. What it tests sorts the files of an inbox by their kind; each test fills
//! a directory, lets that work in it, and compares what is there then.
//!
//! A test that fails keeps its directory and says where it is.

use std::io;
use std::path::{Path, PathBuf};

use async_tempdir::{AsyncTempDir, Builder, Cleanup};
use rstest::{fixture, rstest};

/// What is tested: moves every file in `inbox` to a directory named like its extension, and
/// returns how many those were. What has no extension stays.
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

#[fixture]
fn inbox() -> AsyncTempDir {
    Builder::new()
        .prefix("inbox-")
        .cleanup(Cleanup::OnSuccess)
        .create_blocking()
        .expect("a directory for the test")
}

/// Every file and directory in `dir`, as text.
async fn tree(dir: &AsyncTempDir) -> Vec<String> {
    let paths: Vec<PathBuf> = dir.list().await.unwrap();
    let slashes = |path: PathBuf| path.to_str().unwrap().replace('\\', "/");
    paths.into_iter().map(slashes).collect()
}

#[rstest]
#[tokio::test]
async fn files_of_a_kind_come_together(inbox: AsyncTempDir) {
    let files = [("a.txt", "1"), ("b.png", "2"), ("c.txt", "3")];
    inbox.populate(files).await.unwrap();

    assert_eq!(sort(inbox.path()).await.unwrap(), 3);

    let sorted = ["png", "png/b.png", "txt", "txt/a.txt", "txt/c.txt"];
    assert_eq!(tree(&inbox).await, sorted);
    assert_eq!(inbox.read_to_string("txt/c.txt").await.unwrap(), "3");
}

#[rstest]
#[case::nothing(&[], &[])]
#[case::no_extension(&["README"], &["README"])]
#[case::capitals(&["A.TXT", "b.txt"], &["txt", "txt/A.TXT", "txt/b.txt"])]
#[case::two_extensions(&["a.tar.gz"], &["gz", "gz/a.tar.gz"])]
#[case::hidden(&[".profile"], &[".profile"])]
#[case::sorted_already(&["txt/a.txt"], &["txt", "txt/a.txt"])]
#[tokio::test]
async fn whatever_is_in_it(inbox: AsyncTempDir, #[case] before: &[&str], #[case] after: &[&str]) {
    let files = before.iter().map(|name| (name, ""));
    inbox.populate(files).await.unwrap();
    sort(inbox.path()).await.unwrap();
    assert_eq!(tree(&inbox).await, after);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn many_files(inbox: AsyncTempDir) {
    let files = (0..1_000).map(|n| (format!("{n}.{}", ["a", "b"][n % 2]), n.to_string()));
    inbox.populate(files).await.unwrap();

    assert_eq!(sort(inbox.path()).await.unwrap(), 1_000);

    assert_eq!(tree(&inbox).await.len(), 1_002);
    assert_eq!(inbox.read_to_string("b/7.b").await.unwrap(), "7");
}

#[rstest]
#[tokio::test]
async fn a_file_in_the_way_is_an_error(inbox: AsyncTempDir) {
    inbox.populate([("txt", ""), ("a.txt", "")]).await.unwrap();
    let error = sort(inbox.path()).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(tree(&inbox).await, ["a.txt", "txt"], "nothing is lost");
}

#[tokio::test]
async fn a_test_without_a_fixture() {
    let inbox = AsyncTempDir::new().await.unwrap();
    inbox.write("note.md", "# Note\n").await.unwrap();
    sort(inbox.path()).await.unwrap();
    assert!(inbox.try_exists("md/note.md").await.unwrap());
}
