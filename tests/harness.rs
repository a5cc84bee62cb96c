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
    if !support::in_process(test_name!(), &[]) {
        return;
    }
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

fn run_failing(tmpdir: &Path, configure: impl FnOnce(&mut Command)) -> (bool, String) {
    run("failing::", tmpdir, configure)
}

/// Runs the tests of a module in a process of its own. Returns what is printed, by both streams.
fn run(tests: &str, tmpdir: &Path, configure: impl FnOnce(&mut Command)) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    support::without_variables(&mut command)
        .arg(tests)
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

#[track_caller]
fn assert_is_told_once(path: &Path, shown: &str) {
    let line = format!("temporary directory kept: {}\n", path.display());
    assert_eq!(shown.matches(&line).count(), 1, "{line}{shown}");
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
            assert_is_told_once(&path, &shown);
            assert_eq!(std::fs::read(path.join("a/c/d")).unwrap(), b"2");
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    sandbox.check();
}

/// Tests that return an `Err` where they are told to fail.
mod returning {
    use std::io;

    use async_tempdir::{Builder, Cleanup};

    use super::failing::TOLD;
    use super::{support, work_in};

    fn builder() -> Builder {
        Builder::new().cleanup(Cleanup::OnClose)
    }

    fn fail_if_told() -> io::Result<()> {
        match support::is_child(TOLD) {
            true => Err(io::Error::other("as it was told")),
            false => Ok(()),
        }
    }

    #[tokio::test]
    async fn before_it_is_closed() -> io::Result<()> {
        let dir = builder().create().await?;
        work_in(&dir).await;
        fail_if_told()?;
        dir.close().await?;
        Ok(())
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn from_a_scope() -> io::Result<()> {
        let scope = builder().scope(async |dir| {
            work_in(dir).await;
            fail_if_told()
        });
        Ok(scope.await?)
    }

    /// Before there is a runtime.
    #[test]
    fn out_of_a_function_that_is_not_async() -> io::Result<()> {
        let dir = builder().create_blocking()?;
        std::fs::create_dir_all(dir.path().join("a/c"))?;
        std::fs::write(dir.path().join("a/c/d"), "2")?;
        fail_if_told()?;
        futures::executor::block_on(dir.close())?;
        Ok(())
    }
}

#[test]
fn a_test_that_returns_an_error_keeps_its_directory() {
    for told in [true, false] {
        let sandbox = Sandbox::new();
        let (passed, shown) = run("returning::", sandbox.path(), |command| {
            if told {
                command.env(support::MARK, failing::TOLD);
            }
        });
        assert_eq!(passed, !told, "{shown}");
        let left = sandbox.leftovers();
        assert_eq!(left.len(), if told { 3 } else { 0 }, "{shown}");
        for path in left {
            assert_is_told_once(&path, &shown);
            assert_eq!(std::fs::read(path.join("a/c/d")).unwrap(), b"2");
            std::fs::remove_dir_all(path).unwrap();
        }
        sandbox.check();
    }
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
        ("always", true, FAILING),
        ("on-success", true, FAILING),
        ("on-success", false, 0),
        ("on-close", true, FAILING),
        ("on-close", false, FAILING),
    ] {
        let sandbox = Sandbox::new();
        let (passed, shown) = run_failing(sandbox.path(), |command| {
            // With one at a time, they would run on the main thread, whose name tells nothing.
            command
                .args(["--nocapture", "--test-threads=4"])
                .env("ASYNC_TEMPDIR_CLEANUP", value);
            if told {
                command.env(support::MARK, failing::TOLD);
            }
        });
        assert_eq!(passed, !told, "{shown}");
        let left = sandbox.leftovers();
        assert_eq!(left.len(), expected, "{value}: {shown}");
        for path in left {
            assert_is_told_once(&path, &shown);
            let name = path.file_name().unwrap().to_str().unwrap();
            let tells_test = name.starts_with("tmp-failing-");
            assert_eq!(tells_test, value != "always", "{value}: {name}");
            std::fs::remove_dir_all(path).unwrap();
        }
        sandbox.check();
    }
}
