//! The behaviours of cap-tempfile's tests, and of cap-std's tests of files and directories.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use async_tempdir::{AsyncTempDir, Builder, OpenOptions};
use futures::future::join_all;
use futures::stream;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt, SeekFrom};

use crate::support::Sandbox;
use crate::{assert_fails, assert_leads_out, dropped};

/// Paths that lead out of a directory in a sandbox, if `a` is a directory there.
fn paths_out(sandbox: &Sandbox) -> Vec<String> {
    let absolute = sandbox.join("sibling").join("file");
    let mut paths = vec![absolute.to_str().unwrap().to_owned()];
    paths.extend(
        [
            "../sibling/file",
            "a/../../sibling/file",
            "./../sibling/file",
            "a/.././../sibling/file",
        ]
        .map(String::from),
    );
    paths
}

/// A directory with `a/file`.
async fn with_a_file(sandbox: &Sandbox) -> AsyncTempDir {
    let dir = sandbox.dir().await;
    dir.write("a/file", "inside").await.unwrap();
    dir
}

#[tokio::test]
async fn a_directory_is_dropped() {
    let sandbox = Sandbox::new();
    dropped(sandbox.dir().await).await;
    sandbox.check();
}

#[tokio::test]
async fn a_kept_directory_can_be_opened() {
    let sandbox = Sandbox::new();
    let path = sandbox.dir().await.keep();
    assert!(path.join(".").exists());
    fs::remove_dir(path).unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_directory_inside_another_is_dropped() {
    let sandbox = Sandbox::new();
    let outer = sandbox.dir().await;
    let inner = Builder::new().inside(&outer).create().await.unwrap();
    dropped(inner).await;
    assert!(outer.list().await.unwrap().is_empty());
    dropped(outer).await;
    sandbox.check();
}

#[tokio::test]
async fn the_inner_directory_is_closed_first() {
    let sandbox = Sandbox::new();
    let outer = sandbox.dir().await;
    let inner = outer.temp_dir().await.unwrap();
    inner.close().await.unwrap();
    assert!(outer.path().is_dir());
    outer.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_outer_directory_is_closed_first() {
    let sandbox = Sandbox::new();
    let outer = sandbox.dir().await;
    let inner = outer.temp_dir().await.unwrap();
    // cap-tempfile's fails on Windows, where its directories stay open.
    outer.close().await.unwrap();
    assert_fails(inner.write("file", "").await, ErrorKind::NotFound);
    inner.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn nothing_is_read_outside() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    for path in &paths_out(&sandbox) {
        assert_leads_out(dir.read(path).await);
        assert_leads_out(dir.read_to_string(path).await);
        assert_leads_out(dir.open(path).await);
        assert_leads_out(dir.open_with(path, OpenOptions::new().read(true)).await);
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn nothing_is_written_outside() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    for path in &paths_out(&sandbox) {
        assert_leads_out(dir.write(path, "x").await);
        assert_leads_out(dir.create(path).await);
        assert_leads_out(dir.create_new(path).await);
        assert_leads_out(dir.append(path).await);
        assert_leads_out(dir.populate([(path, "x")]).await);
        assert_leads_out(dir.write_reader(path, &b"x"[..]).await);
        let chunks = stream::iter([Ok::<_, std::io::Error>("x")]);
        assert_leads_out(dir.write_stream(path, chunks).await);
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn nothing_is_looked_up_outside() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    for path in paths_out(&sandbox) {
        assert_leads_out(dir.try_exists(&path).await);
        assert_leads_out(dir.metadata(&path).await);
        assert_leads_out(dir.symlink_metadata(&path).await);
        assert_leads_out(dir.read_dir(Path::new(&path).parent().unwrap()).await);
    }
    for path in ["..", "a/../..", "../"] {
        assert_leads_out(dir.metadata(path).await);
        assert_leads_out(dir.read_dir(path).await);
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn nothing_is_created_or_changed_outside() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    let permissions = dir.metadata("a/file").await.unwrap().permissions();
    for path in paths_out(&sandbox) {
        let new = Path::new(&path).with_file_name("new");
        assert_leads_out(dir.create_dir(&new).await);
        assert_leads_out(dir.create_dir_all(&new).await);
        assert_leads_out(dir.set_permissions(&path, permissions.clone()).await);
        assert_leads_out(dir.remove(&path).await);
        assert_leads_out(dir.remove(Path::new(&path).parent().unwrap()).await);
        assert_leads_out(dir.symlink("a", &new).await);
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn nothing_is_moved_or_linked_in_or_out() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    for path in paths_out(&sandbox) {
        let new = Path::new(&path).with_file_name("new");
        assert_leads_out(dir.rename(&path, "new").await);
        assert_leads_out(dir.rename("a/file", &new).await);
        assert_leads_out(dir.copy(&path, "new").await);
        assert_leads_out(dir.copy("a/file", &new).await);
        assert_leads_out(dir.hard_link(&path, "new").await);
        assert_leads_out(dir.hard_link("a/file", &new).await);
    }
    let list = dir.list().await.unwrap();
    assert_eq!(list, ["a", "a/file"].map(Path::new));
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn dots_that_stay_inside_are_allowed() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    for path in [
        "a/../a/file",
        "./a/file",
        "a/./file",
        "a//file",
        "a/../a/../a/./file",
    ] {
        assert_eq!(dir.read(path).await.unwrap(), b"inside", "{path}");
    }
    dir.write("a/../b/file", "x").await.unwrap();
    assert!(dir.path().join("b/file").is_file());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_directory_itself_is_a_dot() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    for path in [".", "./", "a/.."] {
        assert!(dir.metadata(path).await.unwrap().is_dir(), "{path}");
        assert!(dir.try_exists(path).await.unwrap(), "{path}");
        dir.create_dir_all(path).await.unwrap();
        assert_fails(dir.remove(path).await, ErrorKind::InvalidInput);
    }
    assert_fails(dir.create_dir(".").await, ErrorKind::AlreadyExists);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn an_empty_path_names_nothing() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    assert_fails(dir.read("").await, ErrorKind::InvalidInput);
    // cap-std's succeeds; the empty path is an error in every method of this crate.
    assert_fails(dir.create_dir_all("").await, ErrorKind::InvalidInput);
    assert_fails(dir.rename("a", "").await, ErrorKind::InvalidInput);
    assert_fails(dir.metadata("").await, ErrorKind::InvalidInput);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn what_is_missing_is_not_opened() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    assert_fails(dir.open("missing").await, ErrorKind::NotFound);
    assert_fails(dir.remove("missing").await, ErrorKind::NotFound);
    assert_fails(dir.read_dir("missing").await, ErrorKind::NotFound);
    assert!(dir.list().await.unwrap().is_empty());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_read_in_parts_and_from_a_position() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("file", "ten-four good buddy").await.unwrap();
    let mut file = dir.open("file").await.unwrap();
    let mut part = [0; 8];
    file.read_exact(&mut part).await.unwrap();
    assert_eq!(&part, b"ten-four");
    file.seek(SeekFrom::End(-5)).await.unwrap();
    let mut rest = String::new();
    file.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "buddy");
    drop(file);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_overwritten_at_a_position() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let options = &mut OpenOptions::new();
    let options = options.read(true).write(true).create(true);
    let mut file = dir.open_with("file", options).await.unwrap();
    file.write_all(b"food-is-yummy").await.unwrap();
    file.seek(SeekFrom::Start(8)).await.unwrap();
    file.write_all(b"wow!!").await.unwrap();
    file.flush().await.unwrap();
    drop(file);
    assert_eq!(dir.read("file").await.unwrap(), b"food-is-wow!!");
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_new_file_must_not_exist() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    assert_fails(dir.create_new("a/file").await, ErrorKind::AlreadyExists);
    assert_fails(dir.create_new("a").await, ErrorKind::AlreadyExists);
    assert_eq!(dir.read("a/file").await.unwrap(), b"inside");
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn options_that_make_no_sense_are_refused() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    let all = |read, write, append, truncate, create| {
        let mut options = OpenOptions::new();
        options.read(read).write(write).append(append);
        options.truncate(truncate).create(create).clone()
    };
    for bad in [
        all(false, false, false, false, false),
        all(true, false, false, true, false),
        all(true, false, false, false, true),
        all(false, true, true, true, false),
        all(false, false, true, true, true),
    ] {
        let result = dir.open_with("a/file", &bad).await;
        assert_fails(result, ErrorKind::InvalidInput);
    }
    for good in [
        all(true, false, false, false, false),
        all(false, true, false, true, true),
        all(true, true, false, false, true),
        all(true, false, true, false, true),
    ] {
        dir.open_with("a/file", &good).await.unwrap();
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_directory_exists_once() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    assert_fails(dir.create_dir("a").await, ErrorKind::AlreadyExists);
    assert_fails(dir.create_dir("a/file").await, ErrorKind::AlreadyExists);
    dir.create_dir("with-a-slash/").await.unwrap();
    assert!(dir.path().join("with-a-slash").is_dir());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn directories_are_created_with_their_parents() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.create_dir_all("d1/d2").await.unwrap();
    dir.create_dir_all("d1/d2").await.unwrap();
    // cap-std's `create_dir` needs the parent, as the standard library's. Here nothing does.
    dir.create_dir("d3/d4").await.unwrap();
    let list = dir.list().await.unwrap();
    assert_eq!(list, ["d1", "d1/d2", "d3", "d3/d4"].map(Path::new));
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn no_directory_is_created_below_a_file() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    assert_fails(dir.create_dir_all("a/file").await, ErrorKind::AlreadyExists);
    assert!(dir.create_dir_all("a/file/b").await.is_err());
    assert!(dir.create_dir_all("a/file/b/c").await.is_err());
    assert_eq!(dir.read("a/file").await.unwrap(), b"inside");
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn the_same_directories_are_created_at_once() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let created = (0..32).map(|_| dir.create_dir_all("a/b/c/d/e/f/g"));
    for path in join_all(created).await {
        assert!(path.unwrap().is_dir());
    }
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn names_are_unicode() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    dir.write("ünïcode/ä", "…").await.unwrap();
    assert!(dir.metadata("ünïcode").await.unwrap().is_dir());
    assert_eq!(dir.read_to_string("ünïcode/ä").await.unwrap(), "…");
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn bytes_are_read_as_they_were_written() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    dir.write("file", &bytes).await.unwrap();
    assert!(dir.read("file").await.unwrap() == bytes);
    assert_fails(dir.read_to_string("file").await, ErrorKind::InvalidData);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn nothing_is_copied_from_what_is_missing() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    assert_fails(dir.copy("missing", "a/file").await, ErrorKind::NotFound);
    assert_fails(dir.copy("missing", "new/file").await, ErrorKind::NotFound);
    assert_eq!(dir.read("a/file").await.unwrap(), b"inside");
    assert!(!dir.try_exists("new").await.unwrap());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn directories_are_not_copied() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    assert!(dir.copy("a", "new").await.is_err());
    assert!(dir.copy("a/file", "a").await.is_err());
    assert!(!dir.try_exists("new").await.unwrap());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_copy_replaces_the_contents() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    dir.write("copy", "longer than the other").await.unwrap();
    assert_eq!(dir.copy("a/file", "copy").await.unwrap(), 6);
    assert_eq!(dir.read("copy").await.unwrap(), b"inside");
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_read_only_file_is_copied_as_such_and_removed() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    let mut permissions = dir.metadata("a/file").await.unwrap().permissions();
    permissions.set_readonly(true);
    dir.set_permissions("a/file", permissions).await.unwrap();
    dir.copy("a/file", "copy").await.unwrap();
    assert!(dir.metadata("copy").await.unwrap().permissions().readonly());
    dir.remove("copy").await.unwrap();
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_file_is_renamed_onto_another_and_onto_itself() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    dir.write("other", "other").await.unwrap();
    dir.rename("a/file", "other").await.unwrap();
    dir.rename("other", "other").await.unwrap();
    assert_eq!(dir.list().await.unwrap(), ["a", "other"].map(Path::new));
    assert_eq!(dir.read("other").await.unwrap(), b"inside");
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_directory_is_renamed_with_its_contents() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    dir.rename("a", "b").await.unwrap();
    assert_eq!(dir.list().await.unwrap(), ["b", "b/file"].map(Path::new));
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_listing_has_each_entry_once_with_its_path() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    for n in 0..3 {
        dir.write(format!("sub/{n}"), n.to_string()).await.unwrap();
    }
    let mut entries = dir.read_dir("sub").await.unwrap();
    let mut found = Vec::new();
    while let Some(entry) = entries.next_entry().await.unwrap() {
        let name = entry.file_name().to_str().unwrap().to_owned();
        assert_eq!(entry.path(), dir.path().join("sub").join(&name));
        assert_eq!(dir.read_to_string(entry.path()).await.unwrap(), name);
        found.push(name);
    }
    found.sort();
    assert_eq!(found, ["0", "1", "2"]);
    drop(entries);
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_tree_is_removed_inside() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    dir.create_dir_all("a/d1/d2").await.unwrap();
    dir.write("a/d1/file", "").await.unwrap();
    dir.remove("a/d1").await.unwrap();
    assert_eq!(dir.list().await.unwrap(), ["a", "a/file"].map(Path::new));
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_nul_is_refused_in_every_path() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    let permissions = dir.metadata("a/file").await.unwrap().permissions();
    for path in ["\0", "foo\0", "a/\0/file", "a/file\0"] {
        let fails = |result| assert_fails(result, ErrorKind::InvalidInput);
        fails(dir.read(path).await.map(drop));
        fails(dir.write(path, "").await.map(drop));
        fails(dir.open(path).await.map(drop));
        fails(dir.create_new(path).await.map(drop));
        fails(dir.create_dir(path).await.map(drop));
        fails(dir.create_dir_all(path).await.map(drop));
        fails(dir.metadata(path).await.map(drop));
        fails(dir.symlink_metadata(path).await.map(drop));
        fails(dir.set_permissions(path, permissions.clone()).await);
        fails(dir.try_exists(path).await.map(drop));
        fails(dir.read_dir(path).await.map(drop));
        fails(dir.remove(path).await);
        fails(dir.rename(path, "new").await);
        fails(dir.rename("a/file", path).await);
        fails(dir.copy(path, "new").await.map(drop));
        fails(dir.copy("a/file", path).await.map(drop));
        fails(dir.hard_link(path, "new").await);
        fails(dir.hard_link("a/file", path).await);
        fails(dir.symlink("file", path).await);
        fails(dir.symlink(path, "new").await);
        fails(dir.populate([(path, "")]).await);
        fails(dir.write_reader(path, &b""[..]).await.map(drop));
    }
    let list = dir.list().await.unwrap();
    assert_eq!(list, ["a", "a/file"].map(Path::new));
    dir.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn no_file_has_a_slash_or_a_dot_after_its_name() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    for path in ["a/file/", "a/file/.", "a/file//", "a/file/./"] {
        assert!(dir.read(path).await.is_err(), "{path}");
        assert!(dir.open(path).await.is_err(), "{path}");
        assert!(dir.write(path, "x").await.is_err(), "{path}");
        assert!(dir.create(path).await.is_err(), "{path}");
        assert!(dir.append(path).await.is_err(), "{path}");
        assert!(dir.create_dir_all(path).await.is_err(), "{path}");
        assert!(dir.metadata(path).await.is_err(), "{path}");
        assert!(dir.symlink_metadata(path).await.is_err(), "{path}");
        assert!(dir.read_dir(path).await.is_err(), "{path}");
        assert!(dir.remove(path).await.is_err(), "{path}");
        assert!(dir.rename(path, "new").await.is_err(), "{path}");
        assert!(dir.copy(path, "new").await.is_err(), "{path}");
        assert!(dir.hard_link(path, "new").await.is_err(), "{path}");
        assert!(dir.write_reader(path, &b"x"[..]).await.is_err(), "{path}");
        assert!(dir.populate([(path, "x")]).await.is_err(), "{path}");
    }
    for path in ["new/", "new/.", "new//", "b/new/"] {
        assert!(dir.write(path, "x").await.is_err(), "{path}");
        assert!(dir.create_new(path).await.is_err(), "{path}");
        assert!(dir.rename("a/file", path).await.is_err(), "{path}");
        assert!(dir.copy("a/file", path).await.is_err(), "{path}");
        assert!(dir.hard_link("a/file", path).await.is_err(), "{path}");
        assert!(dir.symlink("a/file", path).await.is_err(), "{path}");
        assert!(dir.write_reader(path, &b"x"[..]).await.is_err(), "{path}");
        assert!(dir.populate([(path, "x")]).await.is_err(), "{path}");
    }
    let list = dir.list().await.unwrap();
    assert_eq!(list, ["a", "a/file"].map(Path::new));
    assert_eq!(dir.read("a/file").await.unwrap(), b"inside");
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn a_directory_may_have_a_slash_or_a_dot_after_its_name() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    for path in ["a/", "a/.", "a//", "a/./"] {
        assert!(dir.metadata(path).await.unwrap().is_dir(), "{path}");
        assert!(dir.symlink_metadata(path).await.unwrap().is_dir(), "{path}");
        assert!(dir.try_exists(path).await.unwrap(), "{path}");
        drop(dir.read_dir(path).await.unwrap());
        dir.create_dir_all(path).await.unwrap();
    }
    dir.rename("a/", "b/").await.unwrap();
    dir.remove("b/").await.unwrap();
    assert!(dir.list().await.unwrap().is_empty());
    dir.close().await.unwrap();
    sandbox.check();
}

#[tokio::test]
async fn nothing_is_renamed_from_or_to_dots() {
    let sandbox = Sandbox::new();
    let dir = with_a_file(&sandbox).await;
    dir.create_dir("b").await.unwrap();
    for dots in [".", "a/.", "a/..", "a/../", "./"] {
        let fails = |result| assert_fails(result, ErrorKind::InvalidInput);
        fails(dir.rename(dots, "new").await);
        fails(dir.rename("b", dots).await);
    }
    let list = dir.list().await.unwrap();
    assert_eq!(list, ["a", "a/file", "b"].map(Path::new));
    dir.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_created_for_a_path_that_is_refused() {
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    // Through directories that are missing, a `..` leads nowhere.
    for path in [
        "new/../file",
        "new/../../file",
        "new/..",
        "new/b/../../../file",
    ] {
        assert!(dir.write(path, "x").await.is_err(), "{path}");
        assert!(dir.create_dir_all(path).await.is_err(), "{path}");
        assert!(dir.create_dir(path).await.is_err(), "{path}");
        assert!(dir.populate([(path, "x")]).await.is_err(), "{path}");
        assert!(dir.write_reader(path, &b"x"[..]).await.is_err(), "{path}");
    }
    assert!(dir.list().await.unwrap().is_empty());
    dir.close().await.unwrap();
    sandbox.check();
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    /// With links that other programs made.
    async fn with_links(sandbox: &Sandbox, links: &[(&Path, &str)]) -> AsyncTempDir {
        let dir = with_a_file(sandbox).await;
        for (target, link) in links {
            symlink(target, dir.path().join(link)).unwrap();
        }
        dir
    }

    #[tokio::test]
    async fn no_symlink_leads_out() {
        let sandbox = Sandbox::new();
        let sibling = sandbox.join("sibling");
        let dir = with_links(
            &sandbox,
            &[
                (&sibling, "absolute"),
                (Path::new("../sibling"), "up"),
                (Path::new("../../sibling"), "a/further"),
                (Path::new("up"), "chain"),
                (Path::new("a/../../sibling"), "detour"),
            ],
        )
        .await;
        for link in ["absolute", "up", "a/further", "chain", "detour"] {
            let file = &format!("{link}/file");
            assert_leads_out(dir.read(file).await);
            assert_leads_out(dir.write(file, "x").await);
            assert_leads_out(dir.create_new(format!("{link}/new")).await);
            assert_leads_out(dir.create_dir(format!("{link}/new")).await);
            assert_leads_out(dir.create_dir_all(format!("{link}/new/b")).await);
            assert_leads_out(dir.remove(file).await);
            assert_leads_out(dir.metadata(link).await);
            assert_leads_out(dir.symlink_metadata(file).await);
            assert_leads_out(dir.try_exists(link).await);
            assert_leads_out(dir.read_dir(link).await);
            assert_leads_out(dir.rename(file, "new").await);
            assert_leads_out(dir.rename("a/file", file).await);
            assert_leads_out(dir.copy(file, "new").await);
            assert_leads_out(dir.copy("a/file", file).await);
            assert_leads_out(dir.hard_link(file, "new").await);
            assert_leads_out(dir.hard_link("a/file", format!("{link}/new")).await);
            assert_leads_out(dir.symlink("file", format!("{link}/new")).await);
            assert_leads_out(dir.write_reader(file, &b"x"[..]).await);
            let mode = PermissionsExt::from_mode(0o777);
            assert_leads_out(dir.set_permissions(link, mode).await);
        }
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn symlinks_inside_are_followed() {
        let sandbox = Sandbox::new();
        let dir = with_links(
            &sandbox,
            &[
                (Path::new("a"), "to-dir"),
                (Path::new("a/file"), "to-file"),
                (Path::new("../a/file"), "a/up"),
                (Path::new("to-dir/up"), "chain"),
            ],
        )
        .await;
        for path in ["to-dir/file", "to-file", "a/up", "chain"] {
            assert_eq!(dir.read(path).await.unwrap(), b"inside", "{path}");
        }
        dir.write("to-dir/new", "x").await.unwrap();
        assert!(dir.path().join("a/new").is_file());
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn dots_after_a_symlink_go_up_from_where_it_leads() {
        let sandbox = Sandbox::new();
        let dir = with_links(&sandbox, &[(Path::new("a/b"), "link")]).await;
        dir.create_dir("a/b").await.unwrap();
        assert_eq!(dir.read("link/../file").await.unwrap(), b"inside");
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn an_endless_symlink_is_an_error() {
        let sandbox = Sandbox::new();
        let links = [("x", "y"), ("y", "x"), ("self", "self")];
        let links = links.map(|(target, link)| (Path::new(target), link));
        let dir = with_links(&sandbox, &links).await;
        for path in ["x", "x/file", "self"] {
            assert!(dir.read(path).await.is_err(), "{path}");
            assert!(dir.write(path, "").await.is_err(), "{path}");
            assert!(dir.metadata(path).await.is_err(), "{path}");
        }
        assert!(dir.symlink_metadata("self").await.unwrap().is_symlink());
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn a_dangling_symlink_exists_only_as_such() {
        let sandbox = Sandbox::new();
        let dir = with_links(&sandbox, &[(Path::new("target"), "link")]).await;
        assert!(!dir.try_exists("link").await.unwrap());
        assert_fails(dir.metadata("link").await, ErrorKind::NotFound);
        assert!(dir.symlink_metadata("link").await.unwrap().is_symlink());
        assert_fails(dir.create_new("link").await, ErrorKind::AlreadyExists);
        assert_fails(dir.create_dir("link").await, ErrorKind::AlreadyExists);
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn a_file_is_created_through_a_dangling_symlink_inside() {
        let sandbox = Sandbox::new();
        let dir = with_links(&sandbox, &[(Path::new("target"), "link")]).await;
        dir.write("link", "x").await.unwrap();
        assert_eq!(dir.read("target").await.unwrap(), b"x");
        assert!(dir.symlink_metadata("link").await.unwrap().is_symlink());
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn a_symlink_is_removed_rather_than_what_it_leads_to() {
        let sandbox = Sandbox::new();
        let sibling = sandbox.join("sibling");
        let links: [(&Path, &str); 2] = [(Path::new("a"), "inside"), (&sibling, "outside")];
        let dir = with_links(&sandbox, &links).await;
        dir.remove("inside").await.unwrap();
        dir.remove("outside").await.unwrap();
        assert_eq!(dir.list().await.unwrap(), ["a", "a/file"].map(Path::new));
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn a_symlink_is_renamed_rather_than_what_it_leads_to() {
        let sandbox = Sandbox::new();
        let dir = with_links(&sandbox, &[(&sandbox.join("sibling"), "link")]).await;
        dir.rename("link", "moved").await.unwrap();
        assert!(dir.symlink_metadata("moved").await.unwrap().is_symlink());
        dir.rename("a/file", "moved").await.unwrap();
        assert_eq!(dir.read("moved").await.unwrap(), b"inside");
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn a_symlink_that_would_lead_out_is_not_created() {
        let sandbox = Sandbox::new();
        let dir = with_a_file(&sandbox).await;
        let absolute = dir.path().join("a");
        // cap-std refuses only absolute targets, and `..` when the link is followed.
        assert_leads_out(dir.symlink(&absolute, "link").await);
        assert_leads_out(dir.symlink("../sibling", "link").await);
        assert_leads_out(dir.symlink("../../sibling", "a/link").await);
        dir.symlink("../a/file", "a/link").await.unwrap();
        assert_eq!(dir.read("a/link").await.unwrap(), b"inside");
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn a_directory_replaces_an_empty_one_only() {
        let sandbox = Sandbox::new();
        let dir = with_a_file(&sandbox).await;
        dir.create_dir("empty").await.unwrap();
        dir.write("full/file", "").await.unwrap();
        assert!(dir.rename("a", "full").await.is_err());
        assert_fails(dir.rename("a", "full/file").await, ErrorKind::NotADirectory);
        assert_fails(dir.rename("full/file", "a").await, ErrorKind::IsADirectory);
        assert_fails(dir.rename("a", "a/b").await, ErrorKind::InvalidInput);
        dir.rename("a", "empty").await.unwrap();
        assert_eq!(dir.read("empty/file").await.unwrap(), b"inside");
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn a_directory_is_no_file() {
        let sandbox = Sandbox::new();
        let dir = with_a_file(&sandbox).await;
        assert_fails(dir.write("a", "").await, ErrorKind::IsADirectory);
        assert_fails(dir.read("a").await, ErrorKind::IsADirectory);
        assert_fails(dir.read("a/file/").await, ErrorKind::NotADirectory);
        assert_fails(dir.read("a/file/x").await, ErrorKind::NotADirectory);
        assert_fails(dir.read_dir("a/file").await, ErrorKind::NotADirectory);
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn a_copy_keeps_the_permission_bits() {
        let sandbox = Sandbox::new();
        let dir = with_a_file(&sandbox).await;
        for mode in [0o400, 0o640, 0o755] {
            let permissions = fs::Permissions::from_mode(mode);
            dir.set_permissions("a/file", permissions).await.unwrap();
            let copy = format!("copy-{mode:o}");
            dir.copy("a/file", &copy).await.unwrap();
            let copied = dir.metadata(&copy).await.unwrap().mode() & 0o777;
            assert_eq!(copied, mode, "{copied:o}");
        }
        dir.close().await.unwrap();
        sandbox.check();
    }

    #[tokio::test]
    async fn a_hard_link_is_the_same_file() {
        let sandbox = Sandbox::new();
        let dir = with_a_file(&sandbox).await;
        dir.hard_link("a/file", "b/link").await.unwrap();
        let [file, link] = ["a/file", "b/link"].map(|path| dir.metadata(path));
        let (file, link) = (file.await.unwrap(), link.await.unwrap());
        assert_eq!((file.ino(), file.nlink()), (link.ino(), 2));
        dir.close().await.unwrap();
        sandbox.check();
    }
}
