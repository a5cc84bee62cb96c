//! Files and directories inside, and that inside is where they stay.

mod support;

use std::borrow::Cow;
use std::fs;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_tempdir::Contents;
use futures::{FutureExt, stream};
use support::Sandbox;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn what_is_written_is_read() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;

    let path = dir.write("a/b/file.txt", "content").await.unwrap();
    assert_eq!(path, dir.path().join("a/b/file.txt"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "content");
    assert_eq!(dir.read("a/b/file.txt").await.unwrap(), b"content");
    assert_eq!(dir.read_to_string("a/b/file.txt").await.unwrap(), "content");

    dir.write("a/b/file.txt", vec![0xff]).await.unwrap();
    assert_eq!(
        dir.read("a/b/file.txt").await.unwrap(),
        [0xff],
        "it is replaced"
    );
    let error = dir.read_to_string("a/b/file.txt").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);

    let mut file = dir.create("a/created").await.unwrap();
    file.write_all(b"created").await.unwrap();
    file.flush().await.unwrap();
    drop(file);
    let mut text = String::new();
    let mut file = dir.open("a/created").await.unwrap();
    file.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "created");
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn contents_of_every_kind() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    // Both of a length that is copied without an allocation, and of others.
    static LONG: [u8; 100_000] = [b'x'; 100_000];
    for len in [0, 1, 62, 63, LONG.len()] {
        let text = "x".repeat(len);
        let bytes = vec![b'x'; len];
        let mut all: Vec<Contents> = vec![
            text.as_str().into(),
            (&text).into(),
            bytes.as_slice().into(),
            (&bytes).into(),
            Cow::Borrowed(text.as_str()).into(),
            Cow::<str>::Owned(text.clone()).into(),
            Cow::Borrowed(bytes.as_slice()).into(),
            Cow::<[u8]>::Owned(bytes.clone()).into(),
            text.clone().into(),
            bytes.clone().into(),
            text.clone().into_boxed_str().into(),
            bytes.clone().into_boxed_slice().into(),
            Contents::from_static(&LONG[..len]),
            Contents::from_owner(Arc::<[u8]>::from(bytes.clone())),
        ];
        #[cfg(feature = "bytes")]
        all.push(bytes::Bytes::from(bytes.clone()).into());
        for (n, contents) in all.drain(..).enumerate() {
            assert_eq!(contents.as_ref(), bytes, "{n} of {len} bytes");
            dir.write("file", contents).await.unwrap();
            let written = dir.read("file").await.unwrap();
            assert!(written == bytes, "{n} of {len} bytes");
        }
    }
    dir.write("file", b"array").await.unwrap();
    assert_eq!(dir.read("file").await.unwrap(), b"array");
    dir.write("file", [0; 100]).await.unwrap();
    assert_eq!(dir.read("file").await.unwrap(), [0; 100]);
    dir.write("file", Contents::default()).await.unwrap();
    assert_eq!(dir.read("file").await.unwrap(), b"");
    // Borrowed from what does not outlive the call, in a task that may be on any thread.
    {
        let text = String::from("borrowed");
        dir.write("file", &text).await.unwrap();
        dir.write("file", &text[..3]).await.unwrap();
    }
    assert_eq!(dir.read("file").await.unwrap(), b"bor");
    dir.close().await.unwrap();
    sandbox.check();
}

#[test]
fn contents_are_not_shown() {
    for contents in [
        Contents::from("secret"),
        Contents::from_static(b"secret"),
        Contents::from(b"secret".to_vec()),
        Contents::from_owner("secret"),
    ] {
        let shown = format!("{contents:?}");
        assert!(
            !shown.contains("secret") && !shown.contains("115"),
            "{shown}"
        );
        assert!(shown.contains("len: 6"), "{shown}");
    }
}

#[tokio::test]
async fn a_panic_of_the_contents_comes_out() {
    struct Provoked;
    impl AsRef<[u8]> for Provoked {
        fn as_ref(&self) -> &[u8] {
            // Without a message on stderr.
            resume_unwind(Box::new("provoked"))
        }
    }

    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let writing = dir.write("file", Contents::from_owner(Provoked));
    let panic = AssertUnwindSafe(writing).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"provoked"));
    dir.write("file", "still works").await.unwrap();
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn directories() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    assert_eq!(dir.create_dir("a/b").await.unwrap(), dir.path().join("a/b"));
    let error = dir.create_dir("a/b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    dir.create_dir_all("a/b").await.unwrap();
    assert_eq!(
        dir.create_dir_all("c/d/e").await.unwrap(),
        dir.path().join("c/d/e")
    );
    dir.write("file", "").await.unwrap();
    let error = dir.create_dir_all("file").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);

    assert!(dir.try_exists("a/b").await.unwrap());
    assert!(dir.try_exists("file").await.unwrap());
    assert!(!dir.try_exists("nothing").await.unwrap());
    assert!(!dir.try_exists("nothing/at/all").await.unwrap());
    let expected = ["a", "a/b", "c", "c/d", "c/d/e", "file"].map(PathBuf::from);
    assert_eq!(dir.list().await.unwrap(), expected);
    dir.close().await.unwrap();
    sandbox.check();
}

/// Whoever makes the missing directories, the others find them.
#[test]
fn tasks_that_share_a_missing_directory() {
    for runtime in support::runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            for round in 0..support::times(1_000) {
                let path = |name: &str| format!("{round}/sub/{name}");
                let chunks = futures::stream::iter([Ok::<_, std::io::Error>("x")]);
                let (a, b, c, d, e, f) = tokio::join!(
                    dir.write(path("a"), "x"),
                    dir.create_new(path("b")),
                    dir.append(path("c")),
                    dir.create_dir(path("d")),
                    dir.populate([(path("e"), "x")]),
                    dir.write_stream(path("f"), chunks),
                );
                drop((a.unwrap(), b.unwrap(), c.unwrap()));
                assert_eq!((d.unwrap(), f.unwrap()), (dir.path().join(path("d")), 1));
                e.unwrap();
            }
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

#[tokio::test]
async fn a_path_cannot_lead_out() {
    let sandbox = Sandbox::new();
    let secret = sandbox.join("secret");
    fs::write(&secret, "secret").unwrap();
    let dir = sandbox.dir().await;
    dir.create_dir("sub").await.unwrap();

    let absolute = secret.to_str().unwrap();
    for out in [
        "../secret",
        "sub/../../secret",
        absolute,
        "/",
        "..",
        "sub/../..",
    ] {
        for error in [
            dir.write(out, "x").await.unwrap_err(),
            dir.read(out).await.unwrap_err(),
            dir.read_to_string(out).await.unwrap_err(),
            dir.create(out).await.unwrap_err(),
            dir.open(out).await.unwrap_err(),
            dir.create_dir(out).await.unwrap_err(),
            dir.create_dir_all(out).await.unwrap_err(),
            dir.try_exists(out).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{out}: {error}");
        }
    }
    for bad in ["", "a\0b"] {
        let error = dir.write(bad, "x").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
    assert_eq!(dir.list().await.unwrap(), [Path::new("sub")]);
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
    fs::remove_file(secret).unwrap();
    dir.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn a_symlink_cannot_lead_out() {
    use std::os::unix::fs::symlink;

    let sandbox = Sandbox::new();
    fs::write(sandbox.join("secret"), "secret").unwrap();
    let dir = sandbox.dir().await;
    symlink("../secret", dir.path().join("relative")).unwrap();
    symlink(sandbox.join("secret"), dir.path().join("absolute")).unwrap();
    symlink("..", dir.path().join("up")).unwrap();
    symlink("../new", dir.path().join("dangling")).unwrap();

    for out in [
        "relative",
        "absolute",
        "up/secret",
        "up/new/file",
        "dangling",
    ] {
        for error in [
            dir.write(out, "x").await.unwrap_err(),
            dir.read(out).await.unwrap_err(),
            dir.create(out).await.unwrap_err(),
            dir.open(out).await.unwrap_err(),
            dir.try_exists(out).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{out}: {error}");
            let path = dir.path().join(out);
            assert!(
                error.to_string().contains(path.to_str().unwrap()),
                "{error}"
            );
        }
    }
    assert_eq!(
        fs::read_to_string(sandbox.join("secret")).unwrap(),
        "secret"
    );
    assert!(!sandbox.join("new").exists());

    // Links that stay inside work, and `list` shows them without following them.
    dir.write("real/file", "inside").await.unwrap();
    symlink("real", dir.path().join("link")).unwrap();
    assert_eq!(dir.read_to_string("link/file").await.unwrap(), "inside");
    assert_eq!(
        dir.read_to_string("real/../link/file").await.unwrap(),
        "inside"
    );
    let listed = dir.list().await.unwrap();
    assert!(listed.contains(&PathBuf::from("link")) && listed.contains(&PathBuf::from("up")));
    assert!(!listed.contains(&PathBuf::from("link/file")));
    dir.close().await.unwrap();
    fs::remove_file(sandbox.join("secret")).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn errors_name_operation_and_path() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", "").await.unwrap();
    let at = |name: &str| format!("{:?}: ", dir.path().join(name));
    for (error, expected) in [
        (
            dir.read("nothing").await.unwrap_err(),
            format!("cannot read {}", at("nothing")),
        ),
        (
            dir.open("nothing").await.unwrap_err(),
            format!("cannot open {}", at("nothing")),
        ),
        (
            dir.write("file/x", "").await.unwrap_err(),
            format!("cannot write {}", at("file/x")),
        ),
        (
            dir.create("../x").await.unwrap_err(),
            format!("cannot create {}", at("../x")),
        ),
        (
            dir.create_dir("file").await.unwrap_err(),
            format!("cannot create directory {}", at("file")),
        ),
    ] {
        assert!(error.to_string().starts_with(&expected), "{error}");
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_thousand_levels_are_listed() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let deep: PathBuf = std::iter::repeat_n("d", 1_000).collect();
    dir.create_dir_all(&deep).await.unwrap();
    assert_eq!(dir.list().await.unwrap().len(), 1_000);
    let removed = dir.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (0, 1_001));
    sandbox.check();
}

/// What a method returns, and what `path` is put together to, is a path inside.
#[tokio::test]
async fn paths_make_the_round_trip() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let file = dir.write("sub/file", "1").await.unwrap();
    assert_eq!(dir.read(&file).await.unwrap(), b"1");
    assert_eq!(dir.write(&file, "2").await.unwrap(), file);
    let other = dir.path().join("other");
    dir.populate([(&other, "3")]).await.unwrap();
    let chunks = stream::iter([Ok::<_, std::io::Error>("4")]);
    dir.write_stream(dir.path().join("sub/streamed"), chunks)
        .await
        .unwrap();
    let made = dir.create_dir("made").await.unwrap();
    assert_eq!(dir.create_dir_all(&made).await.unwrap(), made);
    assert!(dir.try_exists(dir.path()).await.unwrap());
    dir.remove(&made).await.unwrap();
    let expected = ["other", "sub", "sub/file", "sub/streamed"].map(Path::new);
    assert_eq!(dir.list().await.unwrap(), expected);

    let error = dir.remove(dir.path()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    // Beside it, by way of it.
    let error = dir
        .read(dir.path().join("../sibling/file"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    dir.close().await.unwrap();
    sandbox.check();
}

/// Contents that cannot be had.
struct Panics;

impl AsRef<[u8]> for Panics {
    fn as_ref(&self) -> &[u8] {
        panic!("no bytes")
    }
}

#[tokio::test]
async fn a_panic_of_the_contents_leaves_the_file_as_it_was() {
    let sandbox = Sandbox::new();
    let dir = std::sync::Arc::new(sandbox.dir().await);
    dir.write("file", "before").await.unwrap();
    let writing = tokio::spawn({
        let dir = std::sync::Arc::clone(&dir);
        async move { dir.write("file", Contents::from_owner(Panics)).await }
    });
    assert!(writing.await.unwrap_err().is_panic());
    assert_eq!(dir.read("file").await.unwrap(), b"before");
    std::sync::Arc::into_inner(dir)
        .unwrap()
        .close()
        .await
        .unwrap();
    sandbox.check();
}
