//! Archives that were made to escape, unpacked entry by entry.

#![cfg(unix)]

mod support;

use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use async_tempdir::AsyncTempDir;
use support::{Sandbox, runtimes};
use tar::{Archive, Builder, EntryType, Header};

/// An archive in memory, of whatever names: `tar`'s own functions refuse the bad ones.
struct Evil(Builder<Vec<u8>>);

impl Evil {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    fn entry(mut self, kind: EntryType, name: &[u8], link: &[u8], contents: &[u8]) -> Self {
        self.long(b'L', name);
        self.long(b'K', link);
        let mut header = Header::new_gnu();
        fill(&mut header.as_old_mut().name, name);
        fill(&mut header.as_old_mut().linkname, link);
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(contents.len() as u64);
        header.set_cksum();
        self.0.append(&header, contents).unwrap();
        self
    }

    /// What has no room in a header stands before it.
    fn long(&mut self, kind: u8, name: &[u8]) {
        if name.len() >= 100 {
            let mut header = Header::new_gnu();
            fill(&mut header.as_old_mut().name, b"././@LongLink");
            header.set_entry_type(EntryType::new(kind));
            header.set_size(name.len() as u64 + 1);
            header.set_cksum();
            let terminated = [name, b"\0"].concat();
            self.0.append(&header, &terminated[..]).unwrap();
        }
    }

    fn file(self, name: impl AsRef<OsStr>) -> Self {
        self.entry(EntryType::Regular, name.as_ref().as_bytes(), b"", b"evil")
    }

    fn dir(self, name: impl AsRef<OsStr>) -> Self {
        self.entry(EntryType::Directory, name.as_ref().as_bytes(), b"", b"")
    }

    fn symlink(self, name: &str, target: impl AsRef<OsStr>) -> Self {
        let target = target.as_ref().as_bytes();
        self.entry(EntryType::Symlink, name.as_bytes(), target, b"")
    }

    fn hard_link(self, name: &str, target: impl AsRef<OsStr>) -> Self {
        let target = target.as_ref().as_bytes();
        self.entry(EntryType::Link, name.as_bytes(), target, b"")
    }
}

fn fill(field: &mut [u8], bytes: &[u8]) {
    let len = bytes.len().min(field.len());
    field[..len].copy_from_slice(&bytes[..len]);
}

/// The simplest unpacker that goes through the handle. A hard link becomes a copy; a symlink is
/// made behind the handle's back, as by one that believes whatever is in the archive.
async fn unpack(dir: &AsyncTempDir, archive: Evil) -> Vec<(PathBuf, io::Result<()>)> {
    let bytes = archive.0.into_inner().unwrap();
    let mut archive = Archive::new(&bytes[..]);
    let mut results = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = PathBuf::from(OsStr::from_bytes(&entry.path_bytes()));
        let link = entry.link_name_bytes();
        let link = link.map(|link| PathBuf::from(OsStr::from_bytes(&link)));
        let result = match entry.header().entry_type() {
            EntryType::Directory => dir.create_dir_all(&name).await.map(drop),
            EntryType::Symlink => std::os::unix::fs::symlink(link.unwrap(), dir.path().join(&name)),
            EntryType::Link => match dir.read(link.unwrap()).await {
                Ok(contents) => dir.write(&name, contents).await.map(drop),
                Err(error) => Err(error),
            },
            _ => {
                let mut contents = Vec::new();
                entry.read_to_end(&mut contents).unwrap();
                dir.write(&name, contents).await.map(drop)
            }
        };
        results.push((name, result));
    }
    results
}

/// Unpacks `archive`, of which all but the last entry are only its preparation, and returns the
/// last one's error. What is around the directory has to be as it was.
fn refusal(archive: impl Fn(&Sandbox) -> Evil) -> io::Error {
    let mut last = None;
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let archive = archive(&sandbox);
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let mut results = unpack(&dir, archive).await;
            let (_, result) = results.pop().unwrap();
            for (name, result) in results {
                result.unwrap_or_else(|error| panic!("{name:?}: {error}"));
            }
            let error = result.expect_err("an escape is refused");
            let words = error.to_string();
            let parent = sandbox.path().to_str().unwrap();
            let named = words.contains(parent) || words.contains("//evil");
            assert!(named, "it names the path: {error}");
            dir.close().await.unwrap();
            last = Some(error);
        });
        drop(runtime);
        sandbox.check();
    }
    last.unwrap()
}

#[track_caller]
fn leads_out(archive: impl Fn(&Sandbox) -> Evil) {
    let error = refusal(archive);
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains("leads out of"), "{error}");
}

#[test]
fn names_with_parents() {
    leads_out(|_| Evil::new().file("../evil"));
    leads_out(|_| Evil::new().file("../sibling/file"));
    leads_out(|_| Evil::new().file("../../../../../../../../../../tmp/evil"));
    leads_out(|_| Evil::new().dir("a").file("a/../../evil"));
    leads_out(|_| Evil::new().file("./../evil"));
    leads_out(|_| Evil::new().dir("../evil"));
    leads_out(|_| Evil::new().dir("../evil/evil"));
    leads_out(|_| Evil::new().dir("a").dir("a/../../evil/deep"));
}

#[test]
fn absolute_names() {
    leads_out(|sandbox| Evil::new().file(sandbox.join("evil")));
    leads_out(|sandbox| Evil::new().file(sandbox.join("sibling/file")));
    leads_out(|sandbox| Evil::new().dir(sandbox.join("evil")));
    leads_out(|_| Evil::new().file("//evil"));
}

#[test]
fn a_symlink_and_a_file_through_it() {
    leads_out(|_| Evil::new().symlink("link", "..").file("link/evil"));
    leads_out(|_| Evil::new().symlink("link", "../sibling").file("link/file"));
    leads_out(|_| Evil::new().symlink("link", "../sibling/file").file("link"));
    leads_out(|_| Evil::new().symlink("link", "../evil").file("link"));
    leads_out(|sandbox| {
        Evil::new()
            .symlink("link", sandbox.path())
            .file("link/evil")
    });
    leads_out(|sandbox| {
        Evil::new()
            .symlink("link", sandbox.join("sibling/file"))
            .file("link")
    });
    leads_out(|_| Evil::new().symlink("link", "..").dir("link/evil"));
    leads_out(|_| Evil::new().symlink("link", "..").dir("link/evil/deep"));
}

#[test]
fn a_chain_of_symlinks() {
    leads_out(|_| {
        let links = Evil::new().dir("a").dir("a/b").symlink("a/b/up", "../..");
        links.symlink("out", "a/b/up/..").file("out/evil")
    });
    leads_out(|_| {
        let links = Evil::new().symlink("one", "two").symlink("two", "three");
        links.symlink("three", "..").file("one/evil")
    });
}

#[test]
fn hard_links() {
    leads_out(|_| Evil::new().hard_link("hard", "../sibling/file"));
    leads_out(|sandbox| Evil::new().hard_link("hard", sandbox.join("sibling/file")));
    leads_out(|_| Evil::new().hard_link("../hard", "../sibling/file"));
    leads_out(|_| {
        Evil::new()
            .symlink("link", "../sibling")
            .hard_link("hard", "link/file")
    });
    leads_out(|_| Evil::new().file("file").hard_link("../evil", "file"));
}

#[test]
fn very_long_names() {
    let error = refusal(|_| Evil::new().file("n".repeat(256)));
    assert_eq!(error.kind(), ErrorKind::InvalidFilename, "{error}");
    let error = refusal(|_| Evil::new().file("d/".repeat(100) + &"n".repeat(300)));
    assert_eq!(error.kind(), ErrorKind::InvalidFilename, "{error}");
    let error = refusal(|_| Evil::new().file("n/".repeat(2_048) + "n"));
    assert_eq!(error.kind(), ErrorKind::InvalidFilename, "{error}");
    // Long, and a way out.
    leads_out(|_| Evil::new().file("../".repeat(1_000) + "evil"));
}

#[test]
fn names_that_only_look_bad() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let names = [
                "..a", "...", "a..", "\\..\\b", "C:\\c", "-rf", "a b", "~", "$HOME", "*",
            ];
            let mut archive = Evil::new().dir("d/e").symlink("d/e/link", "../..");
            for name in names {
                archive = archive.file(name);
            }
            archive = archive
                .file("d/../x")
                .file("d/e/link/y")
                .hard_link("z", "d/e/link/x");
            for (name, result) in unpack(&dir, archive).await {
                result.unwrap_or_else(|error| panic!("{name:?}: {error}"));
            }
            for name in names.into_iter().chain(["x", "y", "z"]) {
                assert_eq!(fs::read(dir.path().join(name)).unwrap(), b"evil", "{name}");
            }
            assert!(
                dir.list()
                    .await
                    .unwrap()
                    .contains(&Path::new("d/e/link").into())
            );
            dir.close().await.unwrap();
        });
        drop(runtime);
        sandbox.check();
    }
}
