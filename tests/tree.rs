//! What is inside as a value: read, compared and printed.

mod support;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use async_tempdir::{ExpectedTree, Tree, TreeEntry, TreeKind};
use support::{Sandbox, fill, runtimes, times};

/// What `fill` makes.
const FILLED: [(&str, &str); 11] = [
    ("a/1", "1"),
    ("a/2", "2"),
    ("a/3", "3"),
    ("a/b/1", "1"),
    ("a/b/2", "2"),
    ("a/b/3", "3"),
    ("c/1", "1"),
    ("c/2", "2"),
    ("c/3", "3"),
    ("x", "x"),
    ("y", "y"),
];

#[test]
fn what_comes_and_goes_is_read() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            assert!(dir.tree().await.unwrap().is_empty());
            fill(dir.path());
            assert_eq!(dir.tree().await.unwrap(), FILLED);
            assert_eq!(dir.tree().await.unwrap().len(), 11 + 3);
            let child = dir.temp_dir().await.unwrap();
            child.write("d/e/f", vec![0, 255]).await.unwrap();
            assert_eq!(child.tree().await.unwrap(), [("d/e/f", [0, 255])]);
            let tree = dir.tree().await.unwrap();
            let inside = Path::new(child.path().file_name().unwrap()).join("d/e/f");
            let entry = tree.get(&inside).unwrap();
            assert_eq!(entry.path(), inside);
            assert_eq!(entry.contents(), Some([0, 255].as_slice()));
            assert!(tree.get(inside.join("g")).is_none());
            child.close().await.unwrap();
            dir.remove("a").await.unwrap();
            assert_eq!(dir.tree().await.unwrap(), FILLED[6..]);
            dir.close().await.unwrap();
        });
        sandbox.check();
    }
}

#[test]
fn thousands_are_read_by_several_threads() {
    for runtime in runtimes() {
        let sandbox = Sandbox::new_in(&support::in_memory());
        runtime.block_on(async {
            let dir = sandbox.dir().await;
            let count = times(400);
            let some = |dir: &'static str| {
                (0..count).map(move |n| (format!("{dir}/{n}"), format!("{dir} {n}")))
            };
            let mut files: Vec<_> = ["a", "a/b", "c", "d/e/f"]
                .into_iter()
                .flat_map(some)
                .collect();
            // Long enough that the rest goes to other threads.
            files.push(("c/long".to_owned(), "x".repeat(2_000_000)));
            dir.populate(files.iter().cloned()).await.unwrap();
            for _ in 0..times(5) {
                let tree = dir.tree().await.unwrap();
                assert_eq!(tree.diff(&files), None);
                assert_eq!(tree.len(), files.len() + 6);
                assert!(tree.iter().is_sorted_by_key(|entry| entry.path()));
            }
            dir.close().await.unwrap();
        });
        sandbox.check();
    }
}

#[test]
fn every_form_is_compared_both_ways() {
    let tree = Tree::from_iter([("a", "1"), ("b/c", "2")]);
    let array = [("b/c", "2"), ("a", "1")];
    let slice = array.as_slice();
    let vec = array.to_vec();
    assert_eq!(tree, array);
    assert_eq!(array, tree);
    assert_eq!(tree, &array);
    assert_eq!(tree, slice);
    assert_eq!(slice, tree);
    assert_eq!(tree, *slice);
    assert_eq!(*slice, tree);
    assert_eq!(tree, vec);
    assert_eq!(vec, tree);
    assert_eq!(tree, tree.clone());
    let owned = [
        (PathBuf::from("a"), b"1".to_vec()),
        ("b/c".into(), vec![b'2']),
    ];
    assert_eq!(tree, owned);
    assert_eq!(
        tree,
        [TreeEntry::file("./b//c", "2"), TreeEntry::file("a/", b"1")]
    );
    assert_ne!(tree, [("a", "1")]);
    assert_ne!([("a", "1")], tree);
    assert_ne!(tree, vec[1..]);
    assert_ne!(tree, Tree::from_iter([("a", "1"), ("b/c", "")]));
    // Like a file that `populate` writes twice.
    assert_eq!(tree, [("a", "0"), ("b/c", "2"), ("./a", "1")]);
    let nothing: [(&str, &str); 0] = [];
    assert_eq!(Tree::default(), nothing);
    assert_ne!(tree, nothing);
    assert_eq!(tree, Tree::from_iter(&BTreeMap::from(owned)));
}

/// Asserts that the tree differs, and how.
#[track_caller]
fn differs(tree: &Tree, expected: &(impl ExpectedTree + ?Sized), path: &str, text: &str) {
    let diff = tree.diff(expected).expect("they differ");
    assert_eq!(diff.to_string(), text);
    assert_eq!(format!("{diff:?}"), text);
    assert_eq!(diff.path(), Path::new(path));
    assert!(*tree != *expected);
}

#[test]
fn nothing_else_may_be_there_but_directories_around_it() {
    let all = Tree::from_iter([
        TreeEntry::file("a/b/c", "1"),
        TreeEntry::dir("a/empty"),
        TreeEntry::file("d", ""),
    ]);
    assert_eq!(all, [("a/b/c", "1"), ("a/empty/", ""), ("d", "")]);
    assert_eq!(
        all,
        [
            ("a/", ""),
            ("a/b/", ""),
            ("a/b/c", "1"),
            ("a/empty/", ""),
            ("d", "")
        ]
    );
    assert_eq!(
        all,
        [
            TreeEntry::file("a/b/c", "1"),
            TreeEntry::dir("a/empty"),
            TreeEntry::file("d", "")
        ]
    );
    let expected = [("a/b/c", "1"), ("d", "")];
    differs(
        &all,
        &expected,
        "a/empty",
        r#""a/empty" is not expected: it is a directory"#,
    );
    let expected = [("a/b/c", "1"), ("a/empty/", "")];
    differs(
        &all,
        &expected,
        "d",
        r#""d" is not expected: it is a file of 0 bytes"#,
    );
    let expected = [("a/empty/", ""), ("d", "")];
    differs(
        &all,
        &expected,
        "a/b",
        r#""a/b" is not expected: it is a directory"#,
    );
    let expected = [("a/b/c", "1"), ("a/empty/", ""), ("d/", "")];
    differs(
        &all,
        &expected,
        "d",
        r#""d" is a file of 0 bytes, expected a directory"#,
    );
    let expected = [("a/b/c", "1"), ("a/empty", ""), ("d", "")];
    differs(
        &all,
        &expected,
        "a/empty",
        r#""a/empty" is a directory, expected a file of 0 bytes"#,
    );
    let expected = [
        ("a/b/c", "1"),
        ("a/b/x/y", "12"),
        ("a/empty/", ""),
        ("d", ""),
    ];
    differs(
        &all,
        &expected,
        "a/b/x/y",
        r#""a/b/x/y" is missing: expected a file of 2 bytes"#,
    );
    let expected = [("a/b/c", "1"), ("a/empty/", ""), ("d/e", "")];
    differs(
        &all,
        &expected,
        "d",
        r#""d" is a file of 0 bytes, expected a directory"#,
    );
    for nowhere in ["a/../d", "/d", "", "."] {
        let expected = [("a/b/c", "1"), ("a/empty/", ""), (nowhere, "")];
        assert_ne!(all, expected, "{nowhere}");
    }
}

#[test]
fn the_first_line_that_differs_is_named() {
    for (is, should, text) in [
        (
            "1\n2\n3\n",
            "1\nx\n3\n",
            "differs in line 2:\n  is       \"2\\n\"\n  expected \"x\\n\"",
        ),
        (
            "1\n",
            "1",
            "differs in line 1:\n  is       \"1\\n\"\n  expected \"1\"",
        ),
        (
            "1\r\n2",
            "1\n2",
            "differs in line 1:\n  is       \"1\\r\\n\"\n  expected \"1\\n\"",
        ),
        (
            "1\n",
            "1\n2",
            "differs in line 2:\n  is       no such line\n  expected \"2\"",
        ),
        (
            "",
            "\n",
            "differs in line 1:\n  is       no such line\n  expected \"\\n\"",
        ),
        (
            "ä",
            "ö",
            "differs in line 1:\n  is       \"ä\"\n  expected \"ö\"",
        ),
        (
            "\0",
            "a",
            "differs from byte 0 on:\n  is       \"\\u{0}\" of 1 byte\n  expected \"a\" of 1 byte",
        ),
        (
            "ab\0",
            "ab",
            "differs from byte 2 on:\n  is       \"\\u{0}\" of 3 bytes\n  expected \"\" of 2 bytes",
        ),
    ] {
        let text = format!("\"f\" {text}");
        differs(&Tree::from_iter([("f", is)]), &[("f", should)], "f", &text);
        differs(
            &Tree::from_iter([("f", is)]),
            &Tree::from_iter([("f", should)]),
            "f",
            &text,
        );
    }
}

#[test]
fn a_long_line_is_shown_where_it_differs() {
    let long = |middle: &str| format!("first\n{}{middle}{}\n", "ä".repeat(300), "ü".repeat(300));
    let tree = Tree::from_iter([("f", &long("1"))]);
    let diff = tree.diff(&[("f", long("2"))]).unwrap().to_string();
    let lines: Vec<_> = diff.lines().collect();
    assert_eq!(lines[0], "\"f\" differs in line 2:");
    for (line, begin, middle) in [
        (lines[1], "  is       …\"ä", "ä1ü"),
        (lines[2], "  expected …\"ä", "ä2ü"),
    ] {
        assert!(line.starts_with(begin) && line.ends_with("ü\"…"), "{line}");
        assert!(line.contains(middle), "{line}");
        assert!(line.len() < 150, "{line}");
    }
}

/// Whatever differs, and wherever: the two that are shown are not the same.
#[test]
fn what_differs_is_shown() {
    let mut rng = fastrand::Rng::with_seed(1);
    let some = |rng: &mut fastrand::Rng, max: usize| -> String {
        let parts = ["a", "ä", "🦀", "\n", "\r\n", "\u{301}", "\0"];
        let kinds = rng.usize(1..=parts.len());
        let len = rng.usize(..=max);
        (0..len).map(|_| parts[rng.usize(..kinds)]).collect()
    };
    for _ in 0..times(3_000) {
        let (before, after) = (some(&mut rng, 200), some(&mut rng, 200));
        let [is, should] = [(); 2].map(|()| format!("{before}{}{after}", some(&mut rng, 2)));
        let diff = Tree::from_iter([("f", &is)]).diff(&[("f", &should)]);
        assert_eq!(diff.is_none(), is == should);
        let Some(diff) = diff else { continue };
        let text = diff.to_string();
        let lines: Vec<_> = text.lines().collect();
        let shown = [(1, "  is       "), (2, "  expected ")];
        let [is, should] = shown.map(|(line, begin)| lines[line].strip_prefix(begin).unwrap());
        assert_ne!(is, should);
        assert!(lines.len() == 3 && text.len() < 2_000, "{text}");
    }
}

#[test]
fn a_listing_shows_names_at_their_depth() {
    let tree = Tree::from_iter([
        TreeEntry::file("b/two", "1\n2"),
        TreeEntry::file("b/three", "1\n2\n\n"),
        TreeEntry::file("b/one", "1\n"),
        TreeEntry::dir("b/c/d"),
        TreeEntry::file("b.txt", "\n"),
        TreeEntry::file("tabs", "\ta\r\n\tb\r\n"),
        TreeEntry::new("pipe", TreeKind::Fifo),
        TreeEntry::symlink("link", "b/c"),
        TreeEntry::file("bytes", [0, 255, b'a']),
        TreeEntry::file("many bytes", [0; 33]),
        TreeEntry::file("short", "a".repeat(1_024)),
        TreeEntry::file("long", "a".repeat(1_025)),
    ]);
    let listing = format!("{tree:?}");
    let short = "a".repeat(1_024);
    let expected = format!(
        r#"./
  "b"/
    "c"/
      "d"/
    "one": "1\n"
    "three":
      "1\n"
      "2\n"
      "\n"
    "two":
      "1\n"
      "2"
  "b.txt": "\n"
  "bytes": "\u{{0}}\xffa"
  "link" -> "b/c"
  "long": 1025 bytes, FNV-1a LONG
  "many bytes": 33 bytes, FNV-1a MANY
  "pipe": FIFO
  "short": "{short}"
  "tabs":
    "\ta\r\n"
    "\tb\r\n""#
    );
    let expected = expected
        .replace("LONG", "14d3fa2be708d3272688a1b2b75e3564")
        .replace("MANY", "b0b7add67755212c902f470b1603ecff");
    assert_eq!(listing, expected);
    assert_eq!(format!("{tree:#?}"), expected, "as insta prints it");
    assert_eq!(format!("{:?}", Tree::default()), "./");
    let kinds = ["b", "b/one", "bytes", "link", "long", "pipe"];
    let kinds = kinds.map(|path| tree.get(path).unwrap().kind());
    let long = "File(1025 bytes, FNV-1a 14d3fa2be708d3272688a1b2b75e3564)";
    assert_eq!(
        format!("{kinds:?}"),
        format!(r#"[Dir, File("1\n"), File("\u{{0}}\xffa"), Symlink("b/c"), {long}, Fifo]"#)
    );
}

/// Paths and contents out of few letters, so that trees differ by little.
#[test]
fn trees_that_differ_have_different_listings() {
    let names = [
        "a", "a\n", "\"a\"", "a b", "a\\n", "a- \"\"", "…", "a\u{301}", "á", ".", "..", "/",
    ];
    let contents = [
        "", "\n", "a\n", "a\na", "\\n", "\"", "\r\n", "\0", "0 bytes", "b/",
    ];
    let mut rng = fastrand::Rng::with_seed(1);
    let path = |rng: &mut fastrand::Rng| {
        let depth = rng.usize(1..3);
        let names = (0..depth).map(|_| *rng.choice(&names).unwrap());
        names.collect::<PathBuf>()
    };
    let entry = |rng: &mut fastrand::Rng| {
        let path = path(rng);
        let text = rng.choice(contents).unwrap();
        match rng.u8(..5) {
            0 => TreeEntry::dir(path),
            1 => TreeEntry::symlink(path, text),
            2 => TreeEntry::new(path, TreeKind::Fifo),
            _ => TreeEntry::file(path, text),
        }
    };
    let mut seen = HashMap::<String, Tree>::new();
    let (mut same, mut last) = (0, Tree::default());
    for _ in 0..2_000 {
        let entries: Vec<_> = (0..rng.usize(..3)).map(|_| entry(&mut rng)).collect();
        let tree: Tree = entries.iter().cloned().collect();
        assert_eq!(tree.diff(&entries), None);
        assert_eq!(last == entries, last == tree, "{last:?}, {tree:?}");
        assert_eq!(tree == last, last == tree, "{last:?}, {tree:?}");
        let listing = format!("{tree:?}");
        assert!(
            listing.lines().all(|line| line.trim_end() == line),
            "{listing}"
        );
        if let Some(other) = seen.get(&listing) {
            assert_eq!(tree.diff(other), None, "{listing}");
            same += 1;
        }
        seen.insert(listing, tree.clone());
        last = tree;
    }
    assert!(same > 10 && seen.len() > 500, "{same}, {}", seen.len());
}

#[test]
fn part_of_a_tree_is_a_tree() {
    let tree = Tree::from_iter([
        TreeEntry::file("target/app", "binary"),
        TreeEntry::file("src/a/b", "1"),
        TreeEntry::dir("empty"),
    ]);
    let kept = tree
        .into_iter()
        .filter(|entry| !entry.path().starts_with("target"));
    let kept: Tree = kept.collect();
    assert_eq!(kept, [("src/a/b", "1"), ("empty/", "")]);
    let files = kept.iter().filter(|entry| entry.contents().is_some());
    let files: Tree = files.cloned().collect();
    let paths = ["src", "src/a", "src/a/b"].map(Path::new);
    let found: Vec<_> = files.iter().map(TreeEntry::path).collect();
    assert_eq!(found, paths, "with the directories around it");
}

#[cfg(unix)]
mod unix {
    use std::fs::{self, File, Permissions};
    use std::io::ErrorKind;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::support::{in_memory, mkfifo, multi_thread};

    fn chmod(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn of_a_mode_it_counts_whether_the_owner_may_execute_a_file() {
        for runtime in runtimes() {
            let sandbox = Sandbox::new();
            runtime.block_on(async {
                let dir = sandbox.dir().await;
                dir.populate([("a/run", "#!"), ("b", "2")]).await.unwrap();
                let at = |name| dir.path().join(name);
                chmod(&at("a/run"), 0o640);
                chmod(&at("b"), 0o600);
                let before = dir.tree().await.unwrap();
                assert_eq!(before.get("a/run").unwrap().mode(), Some(0o640));
                chmod(&at("a"), 0o700);
                chmod(&at("a/run"), 0o444);
                chmod(&at("b"), 0o666);
                let after = dir.tree().await.unwrap();
                assert_eq!(after.get("a").unwrap().mode(), Some(0o700));
                assert_eq!(after.get("a/run").unwrap().mode(), Some(0o444));
                assert_eq!(before, after, "a umask may do as much");
                assert_eq!(format!("{before:?}"), format!("{after:?}"));

                chmod(&at("a/run"), 0o740);
                let after = dir.tree().await.unwrap();
                differs(
                    &after,
                    &before,
                    "a/run",
                    r#""a/run" is executable, but should not be"#,
                );
                differs(
                    &before,
                    &after,
                    "a/run",
                    r#""a/run" is not executable, but should be"#,
                );
                let listing = "./\n  \"a\"/\n    \"run\" (executable): \"#!\"\n  \"b\": \"2\"";
                assert_eq!(format!("{after:?}"), listing);
                assert_eq!(after, [("a/run", "#!"), ("b", "2")]);
                let without = after.without_modes();
                assert_eq!(format!("{without:?}"), format!("{before:?}"));
                assert_eq!(without, Tree::from_iter([("a/run", "#!"), ("b", "2")]));
                dir.close().await.unwrap();
            });
            sandbox.check();
        }
    }

    #[test]
    fn what_is_no_file_is_named_and_not_opened() {
        for runtime in runtimes() {
            let sandbox = Sandbox::new();
            runtime.block_on(async {
                let dir = sandbox.dir().await;
                let at = |name| dir.path().join(name);
                dir.write("file", "1").await.unwrap();
                mkfifo(&at("fifo"));
                drop(UnixListener::bind(at("socket")).unwrap());
                let outside = sandbox.join("sibling");
                symlink(&outside, at("link")).unwrap();
                symlink(".", at("loop")).unwrap();
                symlink("nowhere", at("to nowhere")).unwrap();
                let expected = [
                    TreeEntry::new("fifo", TreeKind::Fifo),
                    TreeEntry::file("file", "1"),
                    TreeEntry::symlink("link", &outside),
                    TreeEntry::symlink("loop", "."),
                    TreeEntry::new("socket", TreeKind::Socket),
                    TreeEntry::symlink("to nowhere", "nowhere"),
                ];
                let tree = dir.tree().await.unwrap();
                assert_eq!(tree, expected);
                assert_eq!(tree, expected.iter().cloned().collect::<Tree>());
                assert_eq!(tree.get("link").unwrap().mode(), None);
                assert_eq!(tree.get("fifo").unwrap().mode().unwrap() & 0o700, 0o700);
                let text = r#""fifo" is not expected: it is a FIFO"#;
                differs(&tree, &expected[1..], "fifo", text);
                differs(
                    &tree,
                    &[("fifo", ""), ("file", "1")],
                    "fifo",
                    r#""fifo" is a FIFO, expected a file of 0 bytes"#,
                );
                // It may be a directory then.
                fs::remove_file(at("loop")).unwrap();
                symlink("./", at("loop")).unwrap();
                let text = r#""loop" is a symlink to "./", expected one to ".""#;
                differs(&dir.tree().await.unwrap(), &expected, "loop", text);
                dir.close().await.unwrap();
            });
            sandbox.check();
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn hostile_names_take_one_line() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let sandbox = Sandbox::new_in(&in_memory());
        multi_thread().block_on(async {
            let dir = sandbox.dir().await;
            for name in [
                &b"a\nb"[..],
                b"\xff",
                b"\xc3\xbf",
                b"\"/",
                "\u{202e}gpj.exe".as_bytes(),
            ] {
                let path = dir.path().join(OsStr::from_bytes(name));
                // One that ends in a slash is a directory.
                match name.ends_with(b"/") {
                    true => fs::create_dir(path).unwrap(),
                    false => fs::write(path, "").unwrap(),
                }
            }
            let listing = r#"./
  "\""/
  "a\nb": ""
  "ÿ": ""
  "\u{202e}gpj.exe": ""
  "\xff": """#;
            assert_eq!(format!("{:?}", dir.tree().await.unwrap()), listing);
            dir.close().await.unwrap();
        });
        sandbox.check();
    }

    #[test]
    fn a_terabyte_of_nothing_is_too_large() {
        let sandbox = Sandbox::new_in(&in_memory());
        multi_thread().block_on(async {
            let dir = sandbox.dir().await;
            let sparse = dir.path().join("sparse");
            File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
            let error = dir.tree().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::FileTooLarge, "{error}");
            let message = error.to_string();
            assert!(
                message.starts_with(&format!("cannot read {sparse:?}: ")),
                "{message}"
            );
            dir.close().await.unwrap();
        });
        sandbox.check();
    }

    #[cfg(target_os = "linux")]
    const PLACE: &str = "ASYNC_TEMPDIR_TEST_PLACE";

    /// Reads `files` files in 100 directories, in a process of its own, and counts its calls there.
    #[cfg(target_os = "linux")]
    fn calls_of(name: &str, files: usize) {
        use async_tempdir::AsyncTempDir;

        use crate::support::{Need, in_process_with, is_child, require};

        const DIRS: usize = 100;
        const LISTS: [&str; 4] = [
            "read,?pread64",
            "?open,openat,openat2",
            "?fstat,?fstat64,?newfstatat,statx",
            "close",
        ];

        if is_child(name) {
            let place = std::env::var_os(PLACE).unwrap();
            return support::current_thread().block_on(async {
                let dir = AsyncTempDir::adopt(Path::new(&place).join("tree"));
                let dir = dir.await.unwrap();
                assert_eq!(dir.tree().await.unwrap().len(), files + DIRS);
                dir.keep();
            });
        }
        if !require(name, &[Need::Strace]) {
            return;
        }
        let sandbox = Sandbox::new_in(&in_memory());
        for n in 0..files {
            let dir = sandbox.join("tree").join((n % DIRS).to_string());
            fs::create_dir_all(&dir).unwrap();
            fs::write(dir.join(n.to_string()), "12345").unwrap();
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let log = file.path().to_str().unwrap();
        let traced = format!("trace={},getdents64", LISTS.join(","));
        let strace = ["strace", "-f", "-qq", "-y", "-o", log, "-e", &traced];
        in_process_with(name, &strace, |command| {
            command.env(PLACE, sandbox.path());
        });
        // Descriptors stand with their paths.
        let inside = format!("{}/", sandbox.path().display());
        let mut counts = BTreeMap::<&str, usize>::new();
        let log = fs::read_to_string(log).unwrap();
        for line in log.lines().filter(|line| line.contains(&inside)) {
            let call = line.split_whitespace().nth(1).unwrap();
            if let Some((call, _)) = call.split_once('(') {
                *counts.entry(call).or_default() += 1;
            }
        }
        let [read, opened, looked, closed] = LISTS.map(|list| {
            let calls = list.split(',').map(|call| call.trim_start_matches('?'));
            calls.filter_map(|call| counts.get(call)).sum::<usize>()
        });
        assert_eq!(read, files, "{counts:?}");
        // Some more for the adoption, and where directories are compared with the one around them.
        let few = files + DIRS..files + 3 * DIRS + 50;
        for count in [opened, looked, closed] {
            assert!(few.contains(&count), "{counts:?}");
        }
        assert!(counts["getdents64"] <= 3 * DIRS + 10, "{counts:?}");
        for kept in sandbox.leftovers() {
            fs::remove_dir_all(kept).unwrap();
        }
        sandbox.check();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn each_file_is_opened_and_read_once() {
        calls_of(crate::test_name!(), 1_000);
    }

    #[cfg(target_os = "linux")]
    #[test]
    #[ignore = "heavy: 10,000 files"]
    fn heavy_each_of_ten_thousand_files_is_opened_and_read_once() {
        calls_of(crate::test_name!(), 10_000);
    }
}
