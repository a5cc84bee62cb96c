//! Directories that take the place of others.

mod support;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
#[cfg(target_os = "linux")]
use std::path::PathBuf;
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};

use async_tempdir::{AsyncTempDir, Ending, PersistError, TempRoot, cleanup};
use support::{Sandbox, fill, multi_thread, snapshot};

/// Creates a directory with `text` in it.
fn make(path: &Path, text: &str) {
    fs::create_dir(path).unwrap();
    fs::write(path.join("file"), text).unwrap();
}

fn text(path: &Path) -> String {
    fs::read_to_string(path.join("file")).unwrap()
}

#[tokio::test]
async fn where_nothing_is_it_persists() {
    let sandbox = Sandbox::new();
    let target = sandbox.join("target");
    let dir = sandbox.dir().await;
    dir.write("file", "new").await.unwrap();
    let ending = dir.removed();
    assert!(dir.replace(&target).await.unwrap().is_none());
    assert_eq!(text(&target), "new");
    assert_eq!(ending.await, Ending::Persisted(target.clone()));
    assert_eq!(sandbox.leftovers(), [target.as_path()]);
    fs::remove_dir_all(target).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_old_directory_is_removed_when_its_handle_is_dropped() {
    let sandbox = Sandbox::new();
    let target = sandbox.join("target");
    make(&target, "old");
    let dir = sandbox.dir().await;
    dir.write("file", "new").await.unwrap();
    let former = dir.path().to_path_buf();
    // With a trailing slash it is the same directory.
    let old = dir.replace(target.join("")).await.unwrap().unwrap();
    assert_eq!(text(&target), "new");
    assert_eq!(old.path(), former, "it is where the new one was");
    assert_eq!(old.read_to_string("file").await.unwrap(), "old");
    old.write("more", "").await.unwrap();
    let ending = old.removed();
    drop(old);
    assert_eq!(ending.await, Ending::Removed);
    assert!(!former.exists());
    assert_eq!(text(&target), "new", "and no other");
    fs::remove_dir_all(target).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_old_directory_can_be_closed_kept_and_published() {
    let sandbox = Sandbox::new();
    let target = sandbox.join("target");
    make(&target, "0");
    let replace = async |text: &str| {
        let dir = sandbox.dir().await;
        dir.write("file", text).await.unwrap();
        dir.replace(&target).await.unwrap().unwrap()
    };
    let removed = replace("1").await.close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (1, 1));
    let kept = replace("2").await.keep();
    assert_eq!(text(&kept), "1");
    fs::remove_dir_all(kept).unwrap();
    let backup = sandbox.join("backup");
    assert_eq!(replace("3").await.persist(&backup).await.unwrap(), backup);
    assert_eq!(text(&backup), "2");
    // Back again.
    let dir = sandbox.dir().await;
    let old = dir.replace(&backup).await.unwrap().unwrap();
    let newer = old.replace(&target).await.unwrap().unwrap();
    assert_eq!(
        (text(&target), text(newer.path())),
        ("2".into(), "3".into())
    );
    newer.close().await.unwrap();
    fs::remove_dir_all(target).unwrap();
    fs::remove_dir_all(backup).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn in_a_root_the_old_directory_is_the_roots() {
    let sandbox = Sandbox::new();
    let target = sandbox.join("target");
    make(&target, "old");
    let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
    let dir = root.temp_dir().await.unwrap();
    let old = dir.replace(&target).await.unwrap().unwrap();
    assert_eq!(old.path().parent(), Some(root.path()));
    // It would be reclaimed with the root; and the root waits for it.
    root.close().await.unwrap();
    assert!(!old.path().exists());
    drop(old);
    assert_eq!(sandbox.leftovers(), [target.as_path()]);
    fs::remove_dir_all(target).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_old_directory_counts_as_one_inside() {
    let sandbox = Sandbox::new();
    let [target, other] = ["target", "other"].map(|name| sandbox.join(name));
    make(&target, "old");
    let parent = sandbox.dir().await;
    let child = parent.temp_dir().await.unwrap();
    let old = child.replace(&target).await.unwrap().unwrap();
    let error = parent.persist(&other).await.unwrap_err();
    assert_eq!(error.error().kind(), ErrorKind::ResourceBusy);
    let parent = error.into_dir();
    drop(old);
    parent.persist(&other).await.unwrap();
    assert_eq!(fs::read_dir(&other).unwrap().count(), 0);
    fs::remove_dir_all(target).unwrap();
    fs::remove_dir_all(other).unwrap();
    sandbox.check();
}

/// Asserts that a target is refused, for a reason that `says` is part of, and nothing is changed.
async fn refused(sandbox: &Sandbox, target: impl AsRef<Path>, kind: ErrorKind, says: &str) {
    let target = target.as_ref();
    let dir = sandbox.dir().await;
    fill(dir.path());
    refused_to(dir, target, sandbox, kind, says).await;
}

async fn refused_to(
    dir: AsyncTempDir,
    target: &Path,
    sandbox: &Sandbox,
    kind: ErrorKind,
    says: &str,
) {
    let before = snapshot(sandbox.path());
    let error = dir.replace(target).await.unwrap_err();
    assert_eq!(snapshot(sandbox.path()), before, "{target:?}: {error}");
    assert_eq!(error.error().kind(), kind, "{target:?}: {error}");
    let message = error.to_string();
    let path = error.dir().path();
    assert!(message.contains(&format!("{path:?}")), "{message}");
    assert!(message.contains(&format!("{target:?}")), "{message}");
    assert!(message.contains(says), "{message}");
    let removed = error.into_dir().close().await.unwrap();
    assert_eq!((removed.files, removed.dirs), (11, 4));
}

#[tokio::test]
async fn anything_other_than_a_directory_is_refused() {
    let sandbox = Sandbox::new();
    let [file, dir] = ["file", "dir"].map(|name| sandbox.join(name));
    fs::write(&file, "theirs").unwrap();
    make(&dir, "theirs");
    refused(&sandbox, &file, ErrorKind::NotADirectory, "not a directory").await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::symlink;

        for (name, leads_to) in [("a", "dir"), ("b", "file"), ("c", "missing"), ("d", "d")] {
            let link = sandbox.join(name);
            symlink(leads_to, &link).unwrap();
            for link in [link.clone(), link.join("")] {
                let (kind, says) = (ErrorKind::NotADirectory, "rename a new symlink over it");
                // `snapshot` cannot read the links that lead nowhere.
                let tree = sandbox.dir().await;
                let error = tree.replace(&link).await.unwrap_err();
                assert_eq!(error.error().kind(), kind, "{error}");
                assert!(error.to_string().contains(says), "{error}");
                error.into_dir().close().await.unwrap();
            }
            assert_eq!(fs::read_link(&link).unwrap(), Path::new(leads_to));
            fs::remove_file(link).unwrap();
        }
    }
    assert_eq!(text(&dir), "theirs");
    fs::remove_dir_all(dir).unwrap();
    fs::remove_file(file).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_directory_itself_and_those_around_it_and_inside_are_refused() {
    let sandbox = Sandbox::new();
    let outer = sandbox.join("outer");
    fs::create_dir(&outer).unwrap();
    let kind = ErrorKind::InvalidInput;
    let new = async || {
        let dir = AsyncTempDir::new_in(&outer).await.unwrap();
        fill(dir.path());
        let path = dir.path().to_path_buf();
        (dir, path)
    };
    let (dir, path) = new().await;
    refused_to(dir, &path, &sandbox, kind, "the directory itself").await;
    for around in [outer.as_path(), sandbox.path()] {
        let (dir, _) = new().await;
        refused_to(dir, around, &sandbox, kind, "contains the directory").await;
    }
    for inside in ["a", "a/b", "new", "a/b/new"] {
        let (dir, path) = new().await;
        refused_to(
            dir,
            &path.join(inside),
            &sandbox,
            kind,
            "inside the directory",
        )
        .await;
    }
    // By another path.
    #[cfg(unix)]
    {
        let link = sandbox.join("link");
        std::os::unix::fs::symlink("outer", &link).unwrap();
        for name in ["", "/a"] {
            let (dir, path) = new().await;
            let name = format!("{}{name}", path.file_name().unwrap().display());
            let says = match name.contains('/') {
                true => "inside the directory",
                false => "the directory itself",
            };
            refused_to(dir, &link.join(name), &sandbox, kind, says).await;
        }
        fs::remove_file(link).unwrap();
    }
    fs::remove_dir(outer).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn paths_that_name_no_entry_are_refused() {
    let sandbox = Sandbox::new();
    let root = if cfg!(windows) { "C:\\" } else { "/" };
    for path in ["", ".", "..", "a/..", root, "a\0b"] {
        refused(&sandbox, path, ErrorKind::InvalidInput, "").await;
    }
    let missing = sandbox.join("missing").join("target");
    refused(&sandbox, missing, ErrorKind::NotFound, "").await;
    sandbox.check();
}

#[cfg(target_os = "linux")]
#[test]
fn a_mount_point_is_refused() {
    if !support::where_it_may_mount(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    let [other, same] = ["other", "same"].map(|name| sandbox.join(name));
    make(&other, "below");
    make(&same, "below");
    support::mount(&other);
    let mut bind = std::process::Command::new("mount");
    let bound = bind.arg("--bind").args([&same, &same]).status();
    assert!(bound.unwrap().success());
    support::current_thread().block_on(async {
        for target in [&other, &same] {
            refused(&sandbox, target, ErrorKind::ResourceBusy, "mount point").await;
        }
    });
    support::unmount(&other);
    support::unmount(&same);
    for target in [other, same] {
        assert_eq!(text(&target), "below");
        fs::remove_dir_all(target).unwrap();
    }
    sandbox.check();
}

/// That of another handle: each is removed by the handle that was returned for it, or stays.
#[tokio::test]
async fn the_directory_of_another_handle_is_no_longer_that_ones() {
    let sandbox = Sandbox::new();
    let [one, other] = [sandbox.dir().await, sandbox.dir().await];
    one.write("file", "one").await.unwrap();
    other.write("file", "other").await.unwrap();
    let target = one.path().to_path_buf();
    let old = other.replace(&target).await.unwrap().unwrap();
    assert_eq!(old.read_to_string("file").await.unwrap(), "one");
    assert!(one.read("file").await.is_err(), "it is another");
    let error = one.close().await.unwrap_err();
    assert!(error.to_string().contains("replaced"), "{error}");
    assert_eq!(text(&target), "other");
    old.close().await.unwrap();
    fs::remove_dir_all(target).unwrap();
    sandbox.check();
}

/// Whether Windows refuses what another thread has open, if only to look at it, or is removing.
fn is_open_elsewhere(error: &PersistError) -> bool {
    let is_denied = error.error().kind() == ErrorKind::PermissionDenied;
    // A sharing violation, which is of no kind.
    cfg!(windows) && (is_denied || error.to_string().contains("(os error 32)"))
}

#[test]
fn rivals_replace_each_other_and_lose_nothing() {
    rivals(false);
}

/// The last rights are set at the target, where a rival's directory may be by then.
#[cfg(target_os = "linux")]
#[test]
fn rivals_that_replace_what_is_not_finished_lose_nothing() {
    let name = test_name!();
    if !support::is_child(name) && !support::require(name, &[support::Need::Strace]) {
        return;
    }
    let slowly = "inject=renameat2:delay_exit=3000";
    let through = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", slowly];
    if support::in_process(name, &through) {
        rivals(true);
    }
}

/// Several tasks replace one target, which is whole in the end; and nothing else is left.
fn rivals(read_only: bool) {
    let sandbox = Sandbox::new_in(&support::in_memory());
    let target = sandbox.join("target");
    let runtime = multi_thread();
    runtime.block_on(async {
        let tasks = (0..4).map(|task| {
            let (parent, target) = (sandbox.path().to_path_buf(), target.clone());
            tokio::spawn(async move {
                let mut first = 0;
                for round in 0..support::times(20) {
                    let dir = AsyncTempDir::new_in(&parent).await.unwrap();
                    fill(dir.path());
                    dir.write("file", format!("{task} {round}")).await.unwrap();
                    let mut permissions = fs::metadata(dir.path()).unwrap().permissions();
                    permissions.set_readonly(read_only);
                    let replacement = dir.replace(&target);
                    let replacement = match task % 2 == 0 || read_only {
                        true => replacement.permissions(permissions),
                        false => replacement.default_permissions(),
                    };
                    match replacement.await {
                        Ok(Some(old)) => assert_eq!(old.list().await.unwrap().len(), 15),
                        Ok(None) => first += 1,
                        // A rival takes away the rights that this one has just lent.
                        Err(error)
                            if read_only && error.error().kind() == ErrorKind::PermissionDenied => {
                        }
                        Err(error) => assert!(is_open_elsewhere(&error), "{error}"),
                    }
                }
                first
            })
        });
        let first = futures::future::join_all(tasks).await;
        let first = first.into_iter().map(Result::unwrap).sum::<u32>();
        assert!(first >= 1, "one was the first");
        cleanup::idle().await;
    });
    assert_eq!(snapshot(&target).len(), 15);
    assert_eq!(sandbox.leftovers(), [target.as_path()]);
    let removed = async_tempdir::remove_dir_all(target);
    runtime.block_on(removed).unwrap();
    sandbox.check();
}

/// Sets a flag when it is dropped, also by a panic, for threads that would go on otherwise.
#[cfg(unix)]
struct SetOnDrop<'a>(&'a AtomicBool);

#[cfg(unix)]
impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A neighbour that creates and removes the target: a directory, a file. Between three renames, it
/// would find a place for those.
#[cfg(unix)]
#[test]
fn a_target_that_appears_and_vanishes() {
    let sandbox = Sandbox::new_in(&support::in_memory());
    if !support::can_exchange(sandbox.path()) {
        return sandbox.check();
    }
    let target = sandbox.join("target");
    let aside = sandbox.join("aside");
    let runtime = multi_thread();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let _ = fs::create_dir(&target);
                // It may be a published one by now, which is left to the other side.
                let _ = fs::remove_dir(&target);
                let _ = fs::write(&aside, "theirs");
                let _ = fs::hard_link(&aside, &target);
                let _ = fs::remove_file(&target);
            }
        });
        let _end = SetOnDrop(&is_over);
        runtime.block_on(async {
            for _ in 0..support::times(300) {
                let dir = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
                dir.write("file", "new").await.unwrap();
                match dir.replace(&target).await {
                    Ok(old) => {
                        assert_eq!(text(&target), "new");
                        if let Some(old) = old {
                            assert!(old.path().is_dir(), "a file is no directory's successor");
                        }
                        // The other side may remove it, when it is empty.
                        let _ = fs::remove_dir_all(&target);
                    }
                    Err(error) => {
                        let refused = [ErrorKind::NotADirectory, ErrorKind::ResourceBusy];
                        assert!(refused.contains(&error.error().kind()), "{error}");
                        let dir = error.into_dir();
                        assert_eq!(dir.read_to_string("file").await.unwrap(), "new");
                    }
                }
            }
        });
    });
    runtime.block_on(cleanup::idle());
    let _ = fs::remove_dir_all(&target);
    let _ = fs::remove_file(&aside);
    sandbox.check();
}

/// Replaces the target `times` times while four threads read it. With a `gap`, they may find nothing.
#[cfg(unix)]
fn beside_readers(times: usize, may_be_missing: bool) {
    use rustix::fs::{Mode, OFlags, open, openat};
    use std::io::Read;
    use std::sync::atomic::AtomicUsize;

    let sandbox = Sandbox::new_in(&support::in_memory());
    let target = sandbox.join("target");
    let publish = async |version: usize| {
        let dir = sandbox.dir().await;
        let files = ["a", "b", "c"].map(|name| (name, version.to_string()));
        dir.populate(files).await.unwrap();
        dir.replace(&target).await.unwrap()
    };
    /// Lists the target and reads what is in it, through one open directory. `None` if it is missing.
    fn look(target: &Path) -> Option<Vec<String>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let dir = match open(target, flags | OFlags::DIRECTORY, Mode::empty()) {
            Ok(dir) => dir,
            Err(rustix::io::Errno::NOENT) => return None,
            Err(error) => panic!("{error}"),
        };
        let names = rustix::fs::Dir::read_from(&dir).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().to_owned());
        let names = names.filter(|name| !name.to_bytes().starts_with(b"."));
        let read = |name| {
            let mut text = String::new();
            let file = openat(&dir, name, flags, Mode::empty()).unwrap();
            fs::File::from(file).read_to_string(&mut text).unwrap();
            text
        };
        Some(names.map(read).collect())
    }

    let runtime = multi_thread();
    assert!(runtime.block_on(publish(0)).is_none());
    let (is_over, reading) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let readers = [(); 4].map(|()| {
            scope.spawn(|| {
                let mut has_seen = false;
                while !is_over.load(Ordering::Relaxed) {
                    let Some(texts) = look(&target) else {
                        assert!(may_be_missing, "there is always one");
                        continue;
                    };
                    assert_eq!(texts.len(), 3, "it is whole");
                    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
                    if !std::mem::replace(&mut has_seen, true) {
                        reading.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        });
        let end = SetOnDrop(&is_over);
        support::until("each has seen one", || reading.load(Ordering::Relaxed) == 4);
        // A reader may still be in one that was replaced.
        let mut replaced = Vec::new();
        runtime.block_on(async {
            for version in 1..=times {
                replaced.push(publish(version).await.unwrap());
            }
        });
        drop(end);
        for reader in readers {
            reader.join().unwrap();
        }
        assert_eq!(replaced.len(), times);
        assert_eq!(
            look(&target).unwrap(),
            [times.to_string(), times.to_string(), times.to_string()]
        );
    });
    runtime.block_on(cleanup::idle());
    fs::remove_dir_all(target).unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[test]
fn a_reader_sees_one_or_the_other() {
    beside_readers(
        support::times(50),
        !support::can_exchange(&support::in_memory()),
    );
}

#[cfg(unix)]
#[test]
#[ignore = "heavy: a thousand replacements"]
fn heavy_a_reader_sees_one_or_the_other() {
    beside_readers(1_000, !support::can_exchange(&support::in_memory()));
}

/// The calls that rename, for `strace`.
#[cfg(target_os = "linux")]
const RENAME: &str = "?rename,?renameat";

/// Reruns the calling test, `name`, where no two entries can be exchanged, with more `faults`.
#[cfg(target_os = "linux")]
#[track_caller]
fn without_exchange(name: &str, faults: &[&str]) -> bool {
    if !support::is_child(name) && !support::require(name, &[support::Need::Strace]) {
        return false;
    }
    let mut through = vec!["strace", "-f", "-qq", "-o", "/dev/null"];
    for fault in ["inject=renameat2:error=EINVAL"].iter().chain(faults) {
        through.extend(["-e", fault]);
    }
    support::in_process(name, &through)
}

#[cfg(target_os = "linux")]
#[test]
fn without_exchange_it_is_replaced_by_three_renames() {
    if !without_exchange(test_name!(), &[]) {
        return;
    }
    support::current_thread().block_on(async {
        let sandbox = Sandbox::new();
        let target = sandbox.join("target");
        for version in ["1", "2"] {
            let dir = sandbox.dir().await;
            dir.write("file", version).await.unwrap();
            let former = dir.path().to_path_buf();
            let old = dir.replace(&target).await.unwrap();
            assert_eq!(text(&target), version);
            if version == "2" {
                let old = old.unwrap();
                assert_eq!(old.path(), former);
                assert_eq!(old.read_to_string("file").await.unwrap(), "1");
                assert_eq!(sandbox.leftovers().len(), 2);
                old.close().await.unwrap();
            }
        }
        fs::remove_dir_all(target).unwrap();
        sandbox.check();
    });
    // What is refused is found before anything is moved, and nothing is lost between the renames.
    rivals(false);
    beside_readers(support::times(50), true);
}

/// Replaces a target where the renames with these numbers fail.
#[cfg(target_os = "linux")]
fn with_faults(check: impl AsyncFn(&Sandbox, &Path, Result<Option<AsyncTempDir>, String>)) {
    support::current_thread().block_on(async {
        let sandbox = Sandbox::new();
        let target = sandbox.join("target");
        make(&target, "old");
        let dir = sandbox.dir().await;
        dir.write("file", "new").await.unwrap();
        let replaced = match dir.replace(&target).await {
            Ok(old) => Ok(old),
            Err(error) => {
                assert_eq!(error.error().kind(), ErrorKind::PermissionDenied, "{error}");
                let message = error.to_string();
                let dir = error.into_dir();
                assert_eq!(dir.read_to_string("file").await.unwrap(), "new");
                dir.close().await.unwrap();
                Err(message)
            }
        };
        check(&sandbox, &target, replaced).await;
        fs::remove_dir_all(target).unwrap();
        sandbox.check();
    });
}

/// The hidden directory beside `target`.
#[cfg(target_os = "linux")]
fn hidden(sandbox: &Sandbox) -> PathBuf {
    let left = sandbox.leftovers();
    let is_hidden = |path: &&PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with(".target-") && name.ends_with(".replaced")
    };
    left.iter().find(is_hidden).expect("there is one").clone()
}

#[cfg(target_os = "linux")]
#[test]
fn without_exchange_the_old_one_comes_back_if_the_new_one_cannot_be_moved_in() {
    let fault = format!("inject={RENAME}:error=EPERM:when=2");
    if without_exchange(test_name!(), &[&fault]) {
        with_faults(async |sandbox, target, replaced| {
            assert!(replaced.unwrap_err().contains("permitted"));
            assert_eq!(text(target), "old");
            assert_eq!(sandbox.leftovers(), [target]);
        });
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_exchange_an_old_one_that_cannot_come_back_is_named() {
    let fault = format!("inject={RENAME}:error=EACCES:when=2..3");
    if without_exchange(test_name!(), &[&fault]) {
        with_faults(async |sandbox, target, replaced| {
            let hidden = hidden(sandbox);
            let message = replaced.unwrap_err();
            assert!(message.contains(&format!("{hidden:?}")), "{message}");
            assert_eq!(text(&hidden), "old");
            assert!(!target.exists());
            fs::rename(hidden, target).unwrap();
        });
    }
}

#[cfg(target_os = "linux")]
#[test]
fn without_exchange_an_old_one_that_cannot_be_moved_on_is_removed_where_it_is() {
    let fault = format!("inject={RENAME}:error=EPERM:when=3");
    if without_exchange(test_name!(), &[&fault]) {
        with_faults(async |sandbox, target, replaced| {
            let old = replaced.unwrap().unwrap();
            assert_eq!(old.path(), hidden(sandbox));
            assert_eq!(old.read_to_string("file").await.unwrap(), "old");
            assert_eq!(text(target), "new");
            old.close().await.unwrap();
        });
    }
}
