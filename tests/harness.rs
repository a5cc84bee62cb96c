//! In tests such as users write: the end of each finds its directories gone, and one that fails
//! keeps them if it is asked to.

mod support;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;

use async_tempdir::AsyncTempDir;
use support::Sandbox;

thread_local! {
    /// What the test on this thread has worked in.
    static WORKED_IN: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
}

/// Works in `dir`.
async fn work_in(dir: &AsyncTempDir) {
    dir.populate([("a/b", "1"), ("a/c/d", "2"), ("e", "3")])
        .await
        .unwrap();
    WORKED_IN.with_borrow_mut(|paths| paths.push(dir.path().to_path_buf()));
}

mod passing {
    //! Tests that pass. Each is a function, too, which others call.

    use std::sync::Arc;

    use async_tempdir::AsyncTempDir;
    use rstest::{fixture, rstest};

    use super::work_in;

    #[tokio::test]
    async fn current_thread() {
        let dir = AsyncTempDir::new().await.unwrap();
        work_in(&dir).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn multi_thread() {
        let dir = AsyncTempDir::new().await.unwrap();
        work_in(&dir).await;
    }

    #[tokio::test]
    async fn held_by_a_task_that_does_not_end() {
        let dir = Arc::new(AsyncTempDir::new().await.unwrap());
        work_in(&dir).await;
        tokio::spawn(held_for_ever(dir));
        tokio::task::yield_now().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn held_by_a_task_that_does_not_end_on_another_thread() {
        let dir = Arc::new(AsyncTempDir::new().await.unwrap());
        work_in(&dir).await;
        tokio::spawn(held_for_ever(dir));
    }

    async fn held_for_ever(dir: Arc<AsyncTempDir>) {
        std::future::pending::<()>().await;
        drop(dir);
    }

    #[fixture]
    async fn dir() -> AsyncTempDir {
        let dir = AsyncTempDir::new().await.unwrap();
        work_in(&dir).await;
        dir
    }

    #[rstest]
    #[tokio::test]
    async fn of_a_fixture(#[future(awt)] dir: AsyncTempDir) {
        assert!(dir.try_exists("a/c/d").await.unwrap());
    }

    /// The tests above, by name.
    pub(super) const ALL: [(&str, fn()); 5] = [
        ("current_thread", current_thread),
        ("multi_thread", multi_thread),
        ("held", held_by_a_task_that_does_not_end),
        (
            "held elsewhere",
            held_by_a_task_that_does_not_end_on_another_thread,
        ),
        ("of_a_fixture", of_a_fixture),
    ];
}

#[test]
fn the_end_of_a_test_finds_its_directory_gone() {
    for (name, test) in passing::ALL {
        test();
        let paths = WORKED_IN.take();
        assert_eq!(paths.len(), 1, "{name}");
        assert!(!paths[0].exists(), "{name} has left {}", paths[0].display());
        let parent = paths[0].parent().unwrap();
        assert!(parent.exists(), "nothing else is touched");
    }
}

mod failing {
    //! Tests that fail where they are told to, by a variable in the environment.

    use std::sync::Arc;
    use std::time::Duration;

    use async_tempdir::{AsyncTempDir, Builder, Cleanup};
    use rstest::{fixture, rstest};

    use super::{support, work_in};

    /// What the variable is set to.
    pub(super) const TOLD: &str = "fail";

    #[track_caller]
    fn fail_if_told() {
        assert!(!support::is_child(TOLD), "as it was told");
    }

    async fn create() -> AsyncTempDir {
        Builder::new()
            .cleanup(Cleanup::OnSuccess)
            .create()
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn current_thread() {
        let dir = create().await;
        work_in(&dir).await;
        fail_if_told();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn multi_thread() {
        let dir = create().await;
        work_in(&dir).await;
        fail_if_told();
    }

    #[tokio::test]
    async fn in_a_task() {
        let task = tokio::spawn(async {
            let dir = create().await;
            work_in(&dir).await;
            fail_if_told();
        });
        task.await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn in_a_task_on_another_thread() {
        let dir = create().await;
        work_in(&dir).await;
        let task = tokio::spawn(async move {
            tokio::task::yield_now().await;
            fail_if_told();
            drop(dir);
        });
        task.await.unwrap();
    }

    #[tokio::test]
    async fn beside_a_task_that_holds_it() {
        let dir = Arc::new(create().await);
        work_in(&dir).await;
        let held = Arc::clone(&dir);
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        tokio::task::yield_now().await;
        fail_if_told();
    }

    #[fixture]
    async fn dir() -> AsyncTempDir {
        let dir = create().await;
        work_in(&dir).await;
        dir
    }

    #[rstest]
    #[tokio::test]
    async fn of_a_fixture(#[future(awt)] dir: AsyncTempDir) {
        assert!(dir.try_exists("a/c/d").await.unwrap());
        fail_if_told();
    }

    #[rstest]
    #[tokio::test(flavor = "multi_thread")]
    #[timeout(Duration::from_secs(60))]
    #[case("a/b")]
    async fn of_a_fixture_and_cases(#[future(awt)] dir: AsyncTempDir, #[case] path: &str) {
        assert!(dir.try_exists(path).await.unwrap());
        fail_if_told();
    }
}

/// Runs the tests above in a process of its own. Returns what is printed, by both streams.
fn run_failing(tmpdir: &Path, configure: impl FnOnce(&mut Command)) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .arg("failing::")
        .envs(["TMPDIR", "TMP"].map(|name| (name, tmpdir)));
    configure(&mut command);
    let output = command.output().unwrap();
    // Captured, the runner shows on stdout what the failing tests print on stderr.
    let shown = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8(shown).expect("it is text"),
    )
}

const FAILING: usize = 7;

#[test]
fn a_failing_test_keeps_its_directory_and_says_so_once() {
    let sandbox = Sandbox::new();
    for arguments in [&["--nocapture"][..], &[]] {
        let (passed, shown) = run_failing(sandbox.path(), |command| {
            command.args(arguments).env(support::MARK, failing::TOLD);
        });
        assert!(!passed && shown.contains("0 passed"), "{shown}");
        let left = sandbox.leftovers();
        assert_eq!(left.len(), FAILING, "{shown}");
        for path in left {
            let line = format!("temporary directory kept: {}\n", path.display());
            assert_eq!(shown.matches(&line).count(), 1, "{line}{shown}");
            assert_eq!(std::fs::read(path.join("a/c/d")).unwrap(), b"2");
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    sandbox.check();
}

#[test]
fn the_same_tests_keep_nothing_when_they_pass() {
    let sandbox = Sandbox::new();
    let (passed, shown) = run_failing(sandbox.path(), |_| {});
    assert!(passed, "{shown}");
    assert!(!shown.contains("kept"), "nothing else is printed: {shown}");
    sandbox.check();
}

#[test]
fn the_environment_decides_for_tests_that_nobody_has_touched() {
    for (value, told, expected) in [
        ("never", false, FAILING),
        ("always", true, 0),
        ("on-success", true, FAILING),
        ("on-success", false, 0),
    ] {
        let sandbox = Sandbox::new();
        let (passed, shown) = run_failing(sandbox.path(), |command| {
            command.env("ASYNC_TEMPDIR_CLEANUP", value);
            if told {
                command.env(support::MARK, failing::TOLD);
            }
        });
        assert_eq!(passed, !told, "{shown}");
        let left = sandbox.leftovers();
        assert_eq!(left.len(), expected, "{value}: {shown}");
        for path in left {
            std::fs::remove_dir_all(path).unwrap();
        }
        sandbox.check();
    }
}
