//! A suite to copy if a fixture takes long to create. The tests of this executable that run at the same
//! time share it, and the last of them removes it.
//!
//! With cargo-nextest, each test is a process and would create its own: see `suite_nextest.rs`.

use std::sync::{Arc, Weak};

use async_tempdir::AsyncTempDir;
use tokio::sync::Mutex;

/// Returns the shared fixture, which tests only read.
///
/// The `static` holds a `Weak`, because a handle in a `static` is never dropped.
async fn dictionary() -> Arc<AsyncTempDir> {
    static SHARED: Mutex<Weak<AsyncTempDir>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(dir) = shared.upgrade() {
        return dir;
    }
    let dir = Arc::new(AsyncTempDir::with_prefix("dictionary-").await.unwrap());
    // This takes long.
    let words =
        ('a'..='z').map(|letter| (format!("{letter}.txt"), format!("{letter}\n").repeat(100)));
    dir.populate(words).await.unwrap();
    *shared = Arc::downgrade(&dir);
    dir
}

/// Copies the fixture for a test that changes it. Where the filesystem can, files share their bytes.
async fn own_dictionary() -> AsyncTempDir {
    let dir = AsyncTempDir::new().await.unwrap();
    dir.copy_from(dictionary().await.path()).await.unwrap();
    dir
}

/// The code under test: counts the words that begin with `letter`.
async fn count(dictionary: &AsyncTempDir, letter: char) -> usize {
    let file = dictionary.path().join(format!("{letter}.txt"));
    let words = tokio::fs::read_to_string(file).await.unwrap_or_default();
    words.lines().count()
}

#[tokio::test]
async fn every_letter_has_words() {
    let dictionary = dictionary().await;
    for letter in 'a'..='z' {
        assert_eq!(count(&dictionary, letter).await, 100, "{letter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_characters_have_none() {
    let dictionary = dictionary().await;
    assert_eq!(count(&dictionary, '?').await, 0);
}

#[tokio::test]
async fn words_can_be_added() {
    let dictionary = own_dictionary().await;
    dictionary.write("a.txt", "aardvark\n").await.unwrap();
    assert_eq!(count(&dictionary, 'a').await, 1);
    assert_eq!(count(&dictionary, 'b').await, 100);
}
