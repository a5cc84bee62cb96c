//! What the compiler has to agree to.

mod support;

use std::fmt::Debug;
use std::future::{Future, IntoFuture};
use std::io;
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_tempdir::{
    AsyncTempDir, Builder, Cleanup, Contents, Copied, CopyError, CopyFailure, CopyFrom, CopySide,
    DirEntry, Ending, FileType, OpenOptions, Persist, PersistError, ReadDir, ReaderChunks,
    RemoveDirAll, RemoveError, Removed, RootBuilder, ScopeError, TempFile, TempFileError, TempRoot,
    Tree, TreeDiff, TreeEntry, TreeKind, WaitForRemoval, WriteStream, cleanup,
};
use futures::Stream;
use futures::future::FusedFuture;
use futures::stream::LocalBoxStream;
use tokio::io::AsyncRead;

fn handle<T: Debug + Send + Sync + Unpin + 'static>() {}
fn value<T: Debug + Clone + Send + Sync + Unpin + 'static>() {}
fn error<T: std::error::Error + Send + Sync + Unpin + 'static>() {}
fn future<T: Send + 'static>(_: impl Future<Output = T> + Send + 'static) {}

#[test]
fn types_are_what_threads_and_tasks_need() {
    handle::<AsyncTempDir>();
    value::<Builder>();
    value::<RootBuilder>();
    value::<Cleanup>();
    value::<Ending>();
    value::<WaitForRemoval>();
    value::<Removed>();
    value::<OpenOptions>();
    value::<DirEntry>();
    value::<FileType>();
    value::<Copied>();
    value::<CopySide>();
    value::<Tree>();
    value::<TreeEntry>();
    value::<TreeKind>();
    value::<TreeDiff>();
    handle::<CopyFailure>();
    error::<CopyError>();
    fn fused<T: Debug + Send + Unpin + FusedFuture>() {}
    fused::<CopyFrom<'_>>();
    error::<PersistError>();
    error::<RemoveError>();
    error::<ScopeError<String, io::Error>>();
    fn is_path<T: AsRef<Path>>() {}
    is_path::<&AsyncTempDir>();
    is_path::<&&AsyncTempDir>();
    is_path::<&mut AsyncTempDir>();
    is_path::<&TempRoot>();
    is_path::<&mut TempRoot>();
    fn can_be_caught<T: UnwindSafe + RefUnwindSafe>() {}
    can_be_caught::<Builder>();
    can_be_caught::<RootBuilder>();
    handle::<RemoveDirAll>();
    handle::<Persist<PathBuf>>();
    handle::<Persist<Option<AsyncTempDir>>>();
    handle::<ReadDir>();
    fn is_stream<T: futures::Stream<Item = io::Result<DirEntry>>>() {}
    is_stream::<ReadDir>();
    fn sent<T: Debug + Send + Unpin>() {}
    sent::<Contents>();
    error::<TempFileError>();
}

/// Neither has to be `Unpin`, for the future to be.
#[test]
fn a_file_being_written_is_unpin_and_as_sendable_as_its_source() {
    struct Pinned(PhantomPinned);
    impl Stream for Pinned {
        type Item = io::Result<Vec<u8>>;
        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(None)
        }
    }
    fn sent<T: Debug + Send + Unpin + FusedFuture>() {}
    fn unpin<T: Debug + Unpin + FusedFuture>() {}
    type Bytes = Vec<u8>;
    sent::<WriteStream<'_, Pinned, Bytes>>();
    sent::<WriteStream<'_, ReaderChunks<tokio::io::Empty>, Bytes>>();
    unpin::<WriteStream<'_, LocalBoxStream<'_, io::Result<Bytes>>, Bytes>>();
    unpin::<WriteStream<'_, ReaderChunks<Pin<Box<dyn AsyncRead>>>, Bytes>>();
}

#[tokio::test]
async fn futures_can_be_spawned() {
    future(AsyncTempDir::new());
    future(AsyncTempDir::new_in("/"));
    future(Builder::new().create());
    future(TempRoot::builder("app").retain(1).open());
    future(AsyncTempDir::adopt(String::new()));
    future(Builder::new().scope(async |dir| dir.list().await));
    future(cleanup::idle());
    future(async_tempdir::remove_dir_all("").into_future());
    let dir = AsyncTempDir::new().await.unwrap();
    future(dir.removed());
    future(async move {
        dir.write("a", "b").await?;
        dir.list().await?;
        dir.usage().await?;
        dir.tree().await?;
        dir.populate([("a", vec![1])]).await?;
        dir.write_stream("a", futures::stream::iter([io::Result::Ok("b")]))
            .await?;
        let mut sum = 0;
        let (path, text) = (String::from("a"), String::from("b"));
        dir.write(&path, &text).await?;
        dir.write_reader(&path, text.as_bytes())
            .max_len(1)
            .on_progress(|bytes| sum += bytes)
            .await?;
        dir.open_with("a", OpenOptions::new().read(true)).await?;
        dir.rename("a", "b").await?;
        dir.copy("b", "a").await?;
        dir.hard_link("b", "c").await?;
        dir.symlink("b", "d").await?;
        dir.symlink_metadata("d").await?;
        let permissions = dir.metadata("b").await?.permissions();
        dir.set_permissions("b", permissions).await?;
        let mut entries = dir.read_dir(".").await?;
        let entry = entries.next_entry().await?;
        entry.unwrap().metadata().await?;
        dir.remove("a").await?;
        let file: TempFile = dir.temp_file().await?;
        drop((file, dir.temp_file_with(&path, &text).await?));
        let replacing = dir.replace("/").default_permissions().sync(true);
        let dir = replacing.await.map(drop).map_err(PersistError::into_dir);
        let dir = dir.unwrap_err();
        let dir = dir.persist("/").await.map_err(PersistError::into_dir);
        drop(dir);
        io::Result::Ok(())
    });
    let scope = AsyncTempDir::scope(async |dir| {
        dir.write("a", "b").await?;
        dir.read("a").await
    });
    assert_eq!(tokio::spawn(scope).await.unwrap().unwrap(), b"b");
    cleanup::idle().await;
}

#[test]
fn a_reference_is_a_path() {
    fn look_at(path: impl AsRef<Path>) -> bool {
        path.as_ref().exists()
    }
    for runtime in support::runtimes() {
        runtime.block_on(async {
            let dir = AsyncTempDir::new().await.unwrap();
            assert!(look_at(&dir));
            assert!(tokio::fs::try_exists(&dir).await.unwrap());
            assert!(dir.path().exists(), "it was only looked at");
            dir.close().await.unwrap();
        });
    }
}
