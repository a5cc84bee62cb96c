//! A process that is killed while it replaces a directory: the target is the old one or the new one,
//! whole, and the next process takes the rest back.

#![cfg(any(target_os = "linux", target_vendor = "apple"))]

mod support;

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use async_tempdir::TempRoot;
use support::{Sandbox, current_thread, is_child};

/// Where the process that is killed works.
const PLACE: &str = "ASYNC_TEMPDIR_TEST_PARENT";
const FILES: usize = 10;

/// What the process says before each replacement. It is in no word of the test runner.
const MARK: u8 = b'#';

/// Replaces the target, says how often with a mark each, until it is killed.
#[test]
fn replacer() {
    if !is_child("replacer") {
        return;
    }
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let target = place.join("target");
    let mut stdout = io::stdout();
    current_thread().block_on(async {
        let root = TempRoot::open_in("app", &place).await.unwrap();
        for n in 0.. {
            let dir = root.temp_dir().await.unwrap();
            dir.populate((0..FILES).map(|i| (format!("d/{i}"), format!("{n}"))))
                .await
                .unwrap();
            stdout.write_all(&[MARK]).unwrap();
            stdout.flush().unwrap();
            drop(dir.replace(&target).await.unwrap());
        }
    });
}

/// Asserts that what is at `target` is whole.
fn check(target: &Path) {
    let files = fs::read_dir(target.join("d")).unwrap();
    let texts: Vec<_> = files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    assert_eq!(texts.len(), FILES, "whole");
    assert!(texts.iter().all(|text| *text == texts[0]), "one of them");
}

fn killed(kills: usize) {
    let sandbox = Sandbox::new_in(&support::in_memory());
    if !support::can_exchange(sandbox.path()) {
        return sandbox.check();
    }
    let target = sandbox.join("target");
    for kill in 0..kills {
        let mut child = support::this_test("replacer", &[])
            .env(PLACE, sandbox.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdout = io::BufReader::new(child.stdout.take().unwrap());
        let mut said = stdout.bytes().map(Result::unwrap);
        // The second says that it has replaced once.
        let marks = said
            .by_ref()
            .filter(|byte| *byte == MARK)
            .take(2 + kill % 40);
        assert_eq!(
            marks.count(),
            2 + kill % 40,
            "it goes on until it is killed"
        );
        for _ in 0..kill * 7_919 % 20_000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        check(&target);
        current_thread().block_on(async {
            let root = TempRoot::open_in("app", sandbox.path()).await.unwrap();
            let reclaimed = root.reclaimed().await;
            assert!(reclaimed.failures().is_empty(), "{reclaimed:?}");
            root.close().await.unwrap();
        });
        let left = sandbox.leftovers();
        assert!(left.iter().all(|path| *path == target), "{left:?}");
    }
    fs::remove_dir_all(target).unwrap();
    sandbox.check();
}

#[test]
fn the_target_is_one_or_the_other_and_the_rest_is_reclaimed() {
    killed(support::times(20));
}

#[test]
#[ignore = "heavy: two hundred kills"]
fn heavy_the_target_is_one_or_the_other_and_the_rest_is_reclaimed() {
    killed(200);
}
