//! Whatever is done in a directory, with whatever paths: what a model says happens, and nothing
//! outside is touched.

#![cfg(unix)]

mod disk;
mod inputs;
mod ops;
#[path = "../support/mod.rs"]
mod support;
mod tree;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::Path;

use async_tempdir::AsyncTempDir;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use support::Sandbox;

use inputs::Case;
use ops::{Op, Value};
use tree::{Fail, Node, Tree};

#[test]
fn the_directory_is_what_the_model_says() {
    let sandbox = Sandbox::new();
    let runtime = support::current_thread();
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    });
    let tally = RefCell::new(Tally::default());
    let result = runner.run(&inputs::case(), |case| {
        runtime
            .block_on(try_case(case, sandbox.path(), &tally))
            .map_err(TestCaseError::fail)
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => panic!("{reason}\nin the case\n{case}"),
        Err(error) => panic!("{error}"),
    }
    tally.into_inner().check();
    sandbox.check();
}

/// Runs `case` in a directory of its own in `sandbox`, next to a canary.
async fn try_case(mut case: Case, sandbox: &Path, tally: &RefCell<Tally>) -> Result<(), String> {
    let home = tempfile::tempdir_in(sandbox).unwrap();
    disk::plant_canary(home.path());
    let dir = AsyncTempDir::new_in(home.path()).await.unwrap();
    case.place(home.path(), dir.path());
    disk::plant(dir.path(), &case.entries);
    let outside = disk::snapshot(sandbox, dir.path());

    let mut tree = Tree::new(case.entries);
    let mut result = Ok(());
    for (done, op) in case.ops.iter().enumerate() {
        result = step(op, &dir, &mut tree, tally).await;
        if disk::snapshot(sandbox, dir.path()) != outside {
            result = Err("something outside was touched".to_owned());
        }
        if let Err(message) = &mut result {
            *message = format!("operation {done}, {op:?}: {message}");
            break;
        }
    }
    if result.is_ok() {
        result = replace(dir, home.path(), &tree).await;
    } else {
        dir.close().await.unwrap();
    }
    home.close().unwrap();
    result
}

/// Puts the directory in the place of another, and one in its place again.
async fn replace(dir: AsyncTempDir, home: &Path, tree: &Tree) -> Result<(), String> {
    let (former, target) = (dir.path().to_path_buf(), home.join("replaced"));
    std::fs::create_dir(&target).unwrap();
    std::fs::write(target.join("old"), "").unwrap();
    let old = dir.replace(&target).await.unwrap().unwrap();
    let [new, left] = [&*target, old.path()].map(disk::read);
    let expected = Node::Dir([("old".to_owned(), Node::File(String::new()))].into());
    if new != *tree.root() || left != expected || old.path() != former {
        return Err(format!("replaced, it is {new:?}, and the old one {left:?}"));
    }
    let tree = old.replace(&target).await.unwrap().unwrap();
    tree.close().await.unwrap();
    std::fs::remove_dir_all(target).unwrap();
    Ok(())
}

async fn step(
    op: &Op,
    dir: &AsyncTempDir,
    tree: &mut Tree,
    tally: &RefCell<Tally>,
) -> Result<(), String> {
    let found = op.run(dir, tree).await;
    let expected = op.inside(dir.path()).predict(dir.path(), tree);
    tally.borrow_mut().count(op, &expected, tree.has_followed());
    compare(&found, &expected)?;
    let left = disk::read(dir.path());
    if left != *tree.root() {
        return Err(format!(
            "{left:?}\nis not what is expected:\n{:?}",
            tree.root()
        ));
    }
    Ok(())
}

fn compare(found: &io::Result<Value>, expected: &Result<Value, Fail>) -> Result<(), String> {
    let alike = match (found, expected) {
        (Ok(found), Ok(expected)) => found == expected,
        (Err(error), Err(fail)) => match fail {
            Fail::Escape => {
                error.kind() == ErrorKind::PermissionDenied
                    && error.to_string().contains("leads out of")
            }
            Fail::Invalid => error.kind() == ErrorKind::InvalidInput,
            Fail::NotFound => error.kind() == ErrorKind::NotFound,
            Fail::Other => true,
        },
        _ => false,
    };
    if alike {
        Ok(())
    } else {
        Err(format!("{found:?} is not what is expected: {expected:?}"))
    }
}

/// How often what happened, so that the inputs cannot become trivial unnoticed.
#[derive(Debug, Default)]
struct Tally {
    all: u32,
    linked: u32,
    missing: u32,
    by_op: BTreeMap<&'static str, Outcomes>,
}

#[derive(Debug, Default)]
struct Outcomes {
    done: u32,
    escaped: u32,
    failed: u32,
}

impl Tally {
    fn count(&mut self, op: &Op, expected: &Result<Value, Fail>, followed: bool) {
        let outcomes = self.by_op.entry(op.name()).or_default();
        self.all += 1;
        match expected {
            Ok(_) => {
                outcomes.done += 1;
                self.linked += u32::from(followed);
            }
            Err(Fail::Escape) => outcomes.escaped += 1,
            Err(fail) => {
                outcomes.failed += 1;
                self.missing += u32::from(*fail == Fail::NotFound);
            }
        }
    }

    fn check(&self) {
        if self.all < 2_000 {
            // Somebody asked for few cases, which need not have everything.
            return;
        }
        // So much less than what is usual that chance alone does not get there.
        let fair = |count: u32, percent: u32, of: u32, what: &str| {
            assert!(count * 100 >= of * percent, "too few, {what}: {self:#?}");
        };
        fair(self.linked, 1, self.all, "symlinks that work");
        fair(self.missing, 2, self.all, "paths to nothing");
        for (name, outcomes) in &self.by_op {
            let all = outcomes.done + outcomes.escaped + outcomes.failed;
            fair(all * self.by_op.len() as u32, 50, self.all, name);
            // A broken stream is never done.
            if *name != "write_stream, broken" {
                fair(outcomes.done, 1, all, name);
            }
            if !["list", "plant", "tree", "usage"].contains(name) {
                fair(outcomes.escaped, 1, all, name);
                fair(outcomes.failed, 3, all, name);
            }
        }
    }
}
