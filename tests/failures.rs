//! What a drop could not remove: the hook, the counter, and that nothing else suffers.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_tempdir::{AsyncTempDir, RemoveError, cleanup};
use support::{Sandbox, alone, runtimes};

/// A directory that its drop cannot remove, because it is another by then.
async fn doomed_to_fail(sandbox: &Sandbox) -> AsyncTempDir {
    let dir = sandbox.dir().await;
    std::fs::remove_dir(dir.path()).unwrap();
    std::fs::write(dir.path(), "a file").unwrap();
    dir
}

fn take_away(sandbox: Sandbox) {
    for path in sandbox.leftovers() {
        std::fs::remove_file(path).unwrap();
    }
    sandbox.check();
}

#[test]
fn the_hook_and_the_counter_learn_of_each() {
    let _alone = alone();
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        let seen = Arc::new(Mutex::new(Vec::new()));
        cleanup::set_failure_hook({
            let seen = Arc::clone(&seen);
            move |error: &RemoveError| {
                assert_eq!(error.failed(), 1);
                assert_eq!(error.failures().len(), 1);
                seen.lock().unwrap().push(error.failures()[0].path.clone());
            }
        });
        let before = cleanup::failures();
        let mut expected = Vec::new();
        runtime.block_on(async {
            for _ in 0..10 {
                let dir = doomed_to_fail(&sandbox).await;
                expected.push(dir.path().to_path_buf());
                drop(dir);
                drop(sandbox.dir().await);
            }
            // Also what a `close` finds after its future was dropped.
            let dir = doomed_to_fail(&sandbox).await;
            expected.push(dir.path().to_path_buf());
            drop(dir.close());
            cleanup::idle().await;
        });
        assert_eq!(cleanup::failures() - before, 11);
        expected.sort();
        let mut seen = std::mem::take(&mut *seen.lock().unwrap());
        seen.sort();
        assert_eq!(seen, expected);
        take_away(sandbox);
    }
    cleanup::set_failure_hook(|_| {});
}

#[test]
fn an_abandoned_close_reports_what_an_awaited_one_returns() {
    let _alone = alone();
    let reported = Arc::new(AtomicUsize::new(0));
    cleanup::set_failure_hook({
        let reported = Arc::clone(&reported);
        move |_| _ = reported.fetch_add(1, Ordering::SeqCst)
    });
    for runtime in runtimes() {
        for polls in 0..3 {
            let sandbox = Sandbox::new();
            runtime.block_on(async {
                for _ in 0..50 {
                    let dir = doomed_to_fail(&sandbox).await;
                    let before = reported.load(Ordering::SeqCst);
                    let mut closing = Box::pin(dir.close().into_future());
                    let mut returned = 0;
                    for _ in 0..polls {
                        if let Some(result) = futures::FutureExt::now_or_never(closing.as_mut()) {
                            result.unwrap_err();
                            returned = 1;
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                    drop(closing);
                    cleanup::idle().await;
                    let told = reported.load(Ordering::SeqCst) - before;
                    assert_eq!(told + returned, 1, "each failure is told once");
                }
            });
            take_away(sandbox);
        }
    }
    cleanup::set_failure_hook(|_| {});
}

#[test]
fn a_hook_that_panics_harms_nobody() {
    let _alone = alone();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for runtime in runtimes() {
        let sandbox = Sandbox::new();
        cleanup::set_failure_hook(|_| panic!("on purpose"));
        let before = cleanup::failures();
        runtime.block_on(async {
            for _ in 0..20 {
                drop(doomed_to_fail(&sandbox).await);
                drop(sandbox.dir().await);
            }
            cleanup::idle().await;
        });
        assert_eq!(cleanup::failures() - before, 20);
        assert_eq!(sandbox.leftovers().len(), 20);
        take_away(sandbox);
    }
    cleanup::set_failure_hook(|_| {});
    std::panic::set_hook(usual);
}

#[test]
fn a_hook_may_drop_directories_itself() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let runtime = support::multi_thread();
    runtime.block_on(async {
        let inner = sandbox.dir().await;
        let inner = Mutex::new(Some(inner));
        cleanup::set_failure_hook(move |_| drop(inner.lock().unwrap().take()));
        let dir = doomed_to_fail(&sandbox).await;
        drop(dir);
        cleanup::idle().await;
        assert_eq!(sandbox.leftovers().len(), 1);
    });
    cleanup::set_failure_hook(|_| {});
    take_away(sandbox);
}

#[test]
fn a_failure_is_told_although_the_progress_function_panicked() {
    let _alone = alone();
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let sandbox = Sandbox::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let closing = || {
        let dir = runtime.block_on(doomed_to_fail(&sandbox));
        let closing = dir.close().on_progress(|_| panic!("on purpose"));
        Box::pin(closing.into_future())
    };

    // Awaited, the panic is what comes out, and the failure goes to the hook.
    let before = cleanup::failures();
    let awaited = closing();
    let panicked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(awaited)));
    assert_eq!(
        *panicked.unwrap_err().downcast::<&str>().unwrap(),
        "on purpose"
    );
    assert_eq!(cleanup::failures() - before, 1);

    // Abandoned after it began, it is the failure alone. The pool's thread is busy meanwhile.
    let before = cleanup::failures();
    let mut abandoned = closing();
    let (release, released) = std::sync::mpsc::channel::<()>();
    runtime.spawn_blocking(move || _ = released.recv());
    runtime.block_on(async {
        assert!(futures::FutureExt::now_or_never(abandoned.as_mut()).is_none());
        drop(abandoned);
        drop(release);
        cleanup::idle().await;
    });
    assert_eq!(cleanup::failures() - before, 1);
    std::panic::set_hook(usual);
    take_away(sandbox);
}
