//! Symlinks put in place of directories, between two calls and during them.

#![cfg(unix)]

mod support;

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use async_tempdir::{OpenOptions, cleanup};
use futures::FutureExt;
use futures::stream;
use support::{Sandbox, alone, runtimes};
#[cfg(target_os = "linux")]
use {
    std::sync::Arc,
    std::sync::atomic::{AtomicBool, Ordering},
};

/// What `sibling` holds, beyond what [`Sandbox::check`] looks at.
fn untouched(sandbox: &Sandbox) {
    let entries: Vec<_> = fs::read_dir(sandbox.join("sibling"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(entries, ["file"], "nothing escapes");
    let file = fs::metadata(sandbox.join("sibling/file")).unwrap();
    assert_eq!(file.nlink(), 1, "nothing is linked from inside");
    assert_ne!(file.mode() & 0o044, 0, "no mode outside is changed");
    sandbox.check_sibling();
}

#[tokio::test]
async fn between_two_calls() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    for target in [Path::new("../sibling"), &sandbox.join("sibling")] {
        dir.write("d/file", "inside").await.unwrap();
        let mut opened = dir.append("d/file").await.unwrap();
        let mut listing = dir.read_dir("d").await.unwrap();
        let listed = listing.next_entry().await.unwrap().unwrap();
        fs::rename(dir.path().join("d"), dir.path().join("moved")).unwrap();
        symlink(target, dir.path().join("d")).unwrap();

        let chunks = || stream::iter([Ok::<_, std::io::Error>("x")]);
        let reader = || &b"x"[..];
        for error in [
            dir.write("d/file", "x").await.unwrap_err(),
            dir.write_stream("d/file", chunks()).await.unwrap_err(),
            dir.write_stream("d/new/er", chunks()).await.unwrap_err(),
            dir.write_reader("d/file", reader()).await.unwrap_err(),
            dir.write_reader("d/new/er", reader()).await.unwrap_err(),
            dir.populate([("ok", "x"), ("d/new", "x")])
                .await
                .unwrap_err(),
            dir.create("d/file").await.unwrap_err(),
            dir.create_new("d/new").await.unwrap_err(),
            dir.append("d/file").await.unwrap_err(),
            dir.open("d/file").await.unwrap_err(),
            dir.read("d/file").await.unwrap_err(),
            dir.read_to_string("d/file").await.unwrap_err(),
            dir.create_dir("d/new").await.unwrap_err(),
            dir.create_dir_all("d/new/er").await.unwrap_err(),
            dir.try_exists("d/file").await.unwrap_err(),
            dir.remove("d/file").await.unwrap_err(),
            dir.open_with("d/file", OpenOptions::new().write(true).truncate(true))
                .await
                .unwrap_err(),
            dir.open_with("d/new", OpenOptions::new().write(true).create(true))
                .await
                .unwrap_err(),
            dir.rename("d/file", "new").await.unwrap_err(),
            dir.rename("moved/file", "d/file").await.unwrap_err(),
            dir.copy("d/file", "new").await.unwrap_err(),
            dir.copy("moved/file", "d/file").await.unwrap_err(),
            dir.copy_from(std::env::temp_dir())
                .filter(|_| false)
                .to("d/new")
                .await
                .unwrap_err()
                .into(),
            dir.symlink("x", "d/new").await.unwrap_err(),
            dir.hard_link("d/file", "new").await.unwrap_err(),
            dir.hard_link("moved/file", "d/new").await.unwrap_err(),
            dir.metadata("d/file").await.unwrap_err(),
            dir.symlink_metadata("d/file").await.unwrap_err(),
            dir.set_permissions("d/file", Permissions::from_mode(0o777))
                .await
                .unwrap_err(),
            dir.read_dir("d").await.unwrap_err(),
            listed.metadata().await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
            let words = "the path leads out of the directory";
            assert!(error.to_string().ends_with(words), "{error}");
        }
        // What was opened before is the file that it was.
        use tokio::io::AsyncWriteExt;
        opened.write_all(b", too").await.unwrap();
        opened.flush().await.unwrap();
        assert_eq!(dir.read("moved/file").await.unwrap(), b"inside, too");
        // Not everywhere can a directory be removed with a file in it that is open.
        drop(opened);
        dir.remove("d").await.unwrap();
        dir.remove("moved").await.unwrap();
    }
    assert_eq!(dir.list().await.unwrap(), [Path::new("ok")]);
    untouched(&sandbox);
    dir.close().await.unwrap();
    sandbox.check();
}

/// Tells a thread to end, also in a panic.
#[cfg(target_os = "linux")]
struct Over(Arc<AtomicBool>);

#[cfg(target_os = "linux")]
impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Exchanges `d` and a symlink to the sibling, over and over, while files are written in `d`.
#[cfg(target_os = "linux")]
#[test]
fn during_the_calls() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let (d, link) = (dir.path().join("d"), dir.path().join("link"));
            dir.create_dir("d").await.unwrap();
            symlink("../sibling", &link).unwrap();
            let (mut written, mut refused) = (0, 0);
            std::thread::scope(|scope| {
                let over = Over(Arc::new(AtomicBool::new(false)));
                let is_over = Arc::clone(&over.0);
                let (d, link) = (&d, &link);
                let exchanging = scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        renameat_with(CWD, d, CWD, link, RenameFlags::EXCHANGE).unwrap();
                    }
                });
                futures::executor::block_on(async {
                    // Each may succeed or be refused; that none gets out is what counts, and that
                    // the race was one.
                    while written < 100 || refused < 100 {
                        assert!(!exchanging.is_finished(), "it cannot exchange them");
                        let n = written + refused;
                        let name = format!("d/{n}");
                        match dir.write(&name, "x").await {
                            Ok(_) => written += 1,
                            Err(_) => refused += 1,
                        }
                        let _ = dir.populate([(&name, "x"), (&name, "y")]).await;
                        let _ = dir.create_dir_all(format!("d/dir{n}/sub")).await;
                        let chunks = stream::iter([Ok::<_, std::io::Error>("x")]);
                        let _ = dir.write_stream(&name, chunks).await;
                        let _ = dir.write_reader(&name, &b"x"[..]).await;
                        let _ = dir.remove("d/file").await;
                        if n % 16 == 0 {
                            dir.usage().await.expect("no symlink is followed");
                            dir.tree().await.expect("no symlink is followed");
                        }
                        let mut options = OpenOptions::new();
                        options.write(true).truncate(true);
                        let _ = dir.open_with("d/file", &options).await;
                        let _ = dir.open_with("d/new", options.create(true)).await;
                        let permissions = Permissions::from_mode(0o600);
                        let _ = dir.set_permissions("d/file", permissions).await;
                        let _ = dir.copy("d/file", "stolen").await;
                        let _ = dir.hard_link("d/file", "stolen").await;
                        let _ = dir.rename("d/file", "stolen").await;
                        assert!(!dir.try_exists("stolen").await.unwrap());
                        let _ = dir.write("own", "x").await;
                        let _ = dir.copy("own", "d/copy").await;
                        let _ = dir.hard_link("own", format!("d/hard{n}")).await;
                        let _ = dir.symlink("x", format!("d/soft{n}")).await;
                        let _ = dir.rename("own", "d/own").await;
                        if let Ok(mut entries) = dir.read_dir("d").await {
                            while let Some(entry) = entries.next_entry().await.unwrap() {
                                assert_ne!(entry.file_name(), "file", "it is the sibling's");
                            }
                        }
                        let found = dir.metadata("d/file").await;
                        assert!(found.is_err(), "the sibling's file is not looked at");
                        let read = dir.read("d/file").await;
                        assert!(read.is_err(), "the sibling's file is not read");
                    }
                });
            });
            untouched(&sandbox);
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}

/// The directory itself is moved away, and a symlink to the sibling put in its place.
#[test]
fn the_directory_itself() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            for target in ["sibling", "nowhere"] {
                let dir = sandbox.dir().await;
                dir.write("file", "inside").await.unwrap();
                let moved = sandbox.join("moved");
                fs::rename(dir.path(), &moved).unwrap();
                symlink(target, dir.path()).unwrap();

                let chunks = stream::iter([Ok::<_, std::io::Error>("x")]);
                for error in [
                    dir.write("new", "x").await.unwrap_err(),
                    dir.write_stream("new", chunks).await.unwrap_err(),
                    dir.write_reader("new", &b"x"[..]).await.unwrap_err(),
                    dir.populate([("new", "x")]).await.unwrap_err(),
                    dir.read("file").await.unwrap_err(),
                    dir.remove("file").await.unwrap_err(),
                    dir.list().await.unwrap_err(),
                    dir.temp_file().await.unwrap_err(),
                    dir.temp_file_with("a", ".b").await.unwrap_err(),
                    dir.temp_dir().await.unwrap_err(),
                    dir.open_with("file", OpenOptions::new().read(true))
                        .await
                        .unwrap_err(),
                    dir.rename("file", "new").await.unwrap_err(),
                    dir.copy("file", "new").await.unwrap_err(),
                    dir.symlink("file", "new").await.unwrap_err(),
                    dir.hard_link("file", "new").await.unwrap_err(),
                    dir.metadata("file").await.unwrap_err(),
                    dir.symlink_metadata("file").await.unwrap_err(),
                    dir.set_permissions("file", Permissions::from_mode(0o777))
                        .await
                        .unwrap_err(),
                    dir.read_dir(".").await.unwrap_err(),
                ] {
                    assert!(error.to_string().contains("it was replaced"), "{error}");
                }
                untouched(&sandbox);
                assert_eq!(fs::read_dir(&moved).unwrap().count(), 1);
                fs::remove_file(dir.path()).unwrap();
                fs::rename(&moved, dir.path()).unwrap();
                dir.close().await.unwrap();
            }
        });
        drop(runtime);
        sandbox.check();
    }
}

/// Somebody removes the directory while jobs work in it whose futures are gone.
#[test]
fn a_removed_directory_is_not_brought_back() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            for round in 0..200 {
                let dir = sandbox.dir().await;
                let files = (0..100).map(|n| (format!("{}/{n}", n % 3), "x"));
                let chunks = stream::iter((0..100).map(|_| Ok::<_, std::io::Error>("x")));
                let mut populate = Box::pin(dir.populate(files).fuse());
                let mut write = Box::pin(dir.write("a/b/c", "x").fuse());
                let mut upload = Box::pin(dir.write_stream("u/v", chunks).fuse());
                let mut output = Box::pin(dir.write_reader("o/p", &b"x"[..]).fuse());
                for _ in 0..round % 4 {
                    let _ = futures::poll!(&mut populate);
                    let _ = futures::poll!(&mut write);
                    let _ = futures::poll!(&mut upload);
                    let _ = futures::poll!(&mut output);
                }
                drop((populate, write, upload, output));
                // Until it is gone, since jobs go on making files in it.
                while fs::remove_dir_all(dir.path()).is_err() && dir.path().exists() {}
                assert!(!dir.path().exists());
                cleanup::idle().await;
                assert!(!dir.path().exists(), "a removed directory stays removed");
                dir.close().await.unwrap();
            }
        });
        drop(runtime);
        sandbox.check();
    }
}
