//! What can stand between a drop and the removal, each many times over.

mod support;

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use async_tempdir::{AsyncTempDir, cleanup};
use support::{Sandbox, alone, current_thread, fill, occupy, runtimes, silently, until};
use tokio::runtime::{Builder, Runtime};

fn runs() -> usize {
    support::times(200)
}

/// Runs `wall` many times and counts what is left.
fn wall(wall: impl Fn(&Sandbox)) {
    let _alone = alone();
    let sandbox = Sandbox::new();
    wall(&sandbox);
    until("the first run is over", || cleanup::pending() == 0);
    #[cfg(target_os = "linux")]
    let descriptors = support::descriptors();

    for _ in 0..runs() {
        wall(&sandbox);
    }
    until("nothing is pending", || cleanup::pending() == 0);
    // A runtime shut down in the background closes its descriptors there.
    #[cfg(target_os = "linux")]
    until("every descriptor is closed", || {
        support::descriptors() <= descriptors
    });
    sandbox.check();
}

/// A directory with something in it.
fn create(runtime: &Runtime, sandbox: &Sandbox) -> AsyncTempDir {
    let dir = runtime
        .block_on(AsyncTempDir::new_in(sandbox.path()))
        .unwrap();
    fill(dir.path());
    dir
}

#[test]
fn the_pool_refuses() {
    wall(|sandbox| {
        for runtime in runtimes() {
            let dir = create(&runtime, sandbox);
            let path = dir.path().to_path_buf();
            let handle = runtime.handle().clone();
            // The handle still is there, but its pool takes nothing any more.
            runtime.shutdown_background();
            drop(dir);
            assert!(!path.exists(), "where no pool is left, the drop removes");
            drop(handle);
        }
    });
}

#[test]
fn the_pool_shuts_down_before_the_task_ran() {
    wall(|sandbox| {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let dir = create(&runtime, sandbox);
        let path = dir.path().to_path_buf();
        let release = occupy(&runtime);
        drop(dir);
        assert!(path.exists(), "the only thread is busy");
        runtime.shutdown_background();
        drop(release);
        until("the pool's last thread has removed it", || !path.exists());
    });
}

/// An idle thread that wakes to find its pool shut down drops what waits for it, unrun.
#[test]
fn the_pool_drops_the_task() {
    wall(|sandbox| {
        for runtime in runtimes() {
            let dir = create(&runtime, sandbox);
            let path = dir.path().to_path_buf();
            drop(dir);
            runtime.shutdown_background();
            until("whoever dropped the task has removed it", || !path.exists());
        }
    });
}

#[test]
fn spawn_blocking_panics() {
    wall(|sandbox| {
        let fragile = Fragile::new();
        let dir = create(&fragile.runtime, sandbox);
        let path = dir.path().to_path_buf();
        fragile.give_no_thread();
        let dropped = silently(|| drop(dir));
        assert!(dropped.is_ok(), "a drop never panics");
        assert!(!path.exists(), "where there is no thread, the drop removes");
    });
}

#[test]
fn spawn_blocking_panics_during_a_panic() {
    wall(|sandbox| {
        let fragile = Fragile::new();
        let dir = create(&fragile.runtime, sandbox);
        let path = dir.path().to_path_buf();
        fragile.give_no_thread();
        let panicked = silently(move || {
            let _dir = dir;
            panic!("on purpose");
        });
        // Had the drop let a panic out, the process would have aborted.
        assert_eq!(
            *panicked.unwrap_err().downcast::<&str>().unwrap(),
            "on purpose"
        );
        assert!(!path.exists());
    });
}

#[test]
fn a_panic_drops_the_handle() {
    wall(|sandbox| {
        for runtime in runtimes() {
            let dir = create(&runtime, sandbox);
            let path = dir.path().to_path_buf();
            let panicked = silently(|| {
                runtime.block_on(async move {
                    let _dir = dir;
                    tokio::task::yield_now().await;
                    panic!("on purpose");
                });
            });
            panicked.unwrap_err();
            drop(runtime);
            assert!(!path.exists());
        }
    });
}

#[test]
fn there_is_no_runtime_on_the_dropping_thread() {
    wall(|sandbox| {
        for runtime in runtimes() {
            let dir = create(&runtime, sandbox);
            let path = dir.path().to_path_buf();
            thread::spawn(move || drop(dir)).join().unwrap();
            drop(runtime);
            assert!(!path.exists());
        }
    });
}

#[test]
fn the_thread_is_ending() {
    thread_local! {
        static KEPT: std::cell::RefCell<Option<AsyncTempDir>> = const { std::cell::RefCell::new(None) };
    }
    wall(|sandbox| {
        for gone_before in [false, true] {
            let runtime = current_thread();
            let dir = create(&runtime, sandbox);
            let path = dir.path().to_path_buf();
            let runtime = if gone_before {
                drop(runtime);
                None
            } else {
                Some(runtime)
            };
            thread::spawn(move || KEPT.set(Some(dir))).join().unwrap();
            drop(runtime);
            assert!(!path.exists(), "dropped by a thread's end");
        }
    });
}

#[test]
fn the_runtime_is_gone() {
    wall(|sandbox| {
        for runtime in runtimes() {
            let dir = create(&runtime, sandbox);
            let path = dir.path().to_path_buf();
            drop(runtime);
            drop(dir);
            assert!(!path.exists(), "where no runtime is left, the drop removes");
        }
    });
}

#[test]
fn the_runtime_is_gone_and_another_is_here() {
    wall(|sandbox| {
        let runtime = current_thread();
        let dir = create(&runtime, sandbox);
        let path = dir.path().to_path_buf();
        drop(runtime);

        let here = Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let release = occupy(&here);
        here.block_on(async {
            drop(dir);
            assert!(path.exists(), "no thread that drives tasks removes");
            drop(release);
            cleanup::idle().await;
            assert!(!path.exists());
        });
    });
}

/// Not those of the test harness, which begins another test at any time.
#[cfg(target_os = "linux")]
fn threads_of_runtimes() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.starts_with(b"tokio")).count()
}

/// Many runtimes come and go, and their directories are dropped in one that stays.
#[cfg(target_os = "linux")]
#[test]
fn many_dead_runtimes_do_not_bring_many_threads() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let here = current_thread();
    let dirs: Vec<_> = (0..100)
        .map(|_| create(&current_thread(), &sandbox))
        .collect();
    // A thread that has been joined may be seen for a moment longer.
    let others = threads_of_runtimes();
    here.block_on(async {
        drop(dirs);
        let mut most = 0;
        while cleanup::pending() > 0 {
            most = most.max(threads_of_runtimes());
            tokio::task::yield_now().await;
        }
        // On a busy machine, a thread may take so long that it gets a replacement. One for each runtime
        // would be far more.
        assert!(most <= others + 4 * cleanup::MAX_THREADS, "{most} threads");
    });
    sandbox.check();
}

#[test]
fn shutdown_drops_the_tasks_that_hold_the_handles() {
    wall(|sandbox| {
        for runtime in runtimes() {
            let (ready, is_ready) = mpsc::channel();
            for _ in 0..8 {
                let parent = sandbox.path().to_path_buf();
                let ready = ready.clone();
                runtime.spawn(async move {
                    let dir = AsyncTempDir::new_in(parent).await.unwrap();
                    ready.send(()).unwrap();
                    std::future::pending::<()>().await;
                    drop(dir);
                });
            }
            runtime.block_on(async {
                // Lets the tasks of a current-thread runtime run.
                for _ in 0..8 {
                    while is_ready.try_recv().is_err() {
                        tokio::task::yield_now().await;
                    }
                }
            });
            drop(runtime);
            assert_eq!(sandbox.leftovers(), Vec::<std::path::PathBuf>::new());
        }
    });
}

#[test]
fn shutdown_drops_tasks_in_the_middle_of_creation() {
    wall(|sandbox| {
        for runtime in runtimes() {
            for _ in 0..8 {
                let parent = sandbox.path().to_path_buf();
                runtime.spawn(async move {
                    let dir = AsyncTempDir::new_in(parent).await;
                    std::future::pending::<()>().await;
                    drop(dir);
                });
            }
            runtime.block_on(tokio::task::yield_now());
            drop(runtime);
            assert_eq!(sandbox.leftovers(), Vec::<std::path::PathBuf>::new());
        }
    });
}

#[test]
fn the_only_blocking_thread_is_busy() {
    wall(|sandbox| {
        for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
            let runtime = builder
                .worker_threads(1)
                .max_blocking_threads(1)
                .build()
                .unwrap();
            let dir = create(&runtime, sandbox);
            let path = dir.path().to_path_buf();
            let release = occupy(&runtime);
            drop(dir);
            assert!(path.exists(), "the drop waits for nobody");
            assert_eq!(cleanup::pending(), 1);
            drop(release);
            runtime.block_on(cleanup::idle());
            assert!(!path.exists());
        }
    });
}

#[test]
fn close_meets_each_wall_as_well() {
    wall(|sandbox| {
        // The pool refuses.
        let runtime = current_thread();
        let dir = create(&runtime, sandbox);
        drop(runtime);
        let removed = futures::executor::block_on(dir.close().into_future()).unwrap();
        assert_eq!((removed.files, removed.dirs), (11, 4));

        // It shuts down before the task ran.
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let dir = create(&runtime, sandbox);
        let release = occupy(&runtime);
        let mut closing = Box::pin(dir.close().into_future());
        assert!(futures::FutureExt::now_or_never(&mut closing).is_none());
        runtime.shutdown_background();
        drop(release);
        let removed = futures::executor::block_on(closing).unwrap();
        assert_eq!((removed.files, removed.dirs), (11, 4));

        // There is no thread.
        let fragile = Fragile::new();
        let dir = create(&fragile.runtime, sandbox);
        fragile.give_no_thread();
        let closed = silently(|| fragile.runtime.block_on(dir.close().into_future()));
        assert!(closed.unwrap().is_ok());
    });
}

/// A runtime whose pool can be made to panic in `spawn_blocking`, as it does when the system gives
/// it no thread.
struct Fragile {
    runtime: Runtime,
    threads: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
}

impl Fragile {
    fn new() -> Self {
        let threads = Arc::new(AtomicUsize::new(0));
        let broken = Arc::new(AtomicBool::new(false));
        let runtime = Builder::new_current_thread()
            .thread_keep_alive(Duration::from_millis(1))
            .on_thread_start({
                let threads = Arc::clone(&threads);
                move || _ = threads.fetch_add(1, Ordering::SeqCst)
            })
            .on_thread_stop({
                let threads = Arc::clone(&threads);
                move || _ = threads.fetch_sub(1, Ordering::SeqCst)
            })
            .thread_name_fn({
                let broken = Arc::clone(&broken);
                move || {
                    assert!(!broken.load(Ordering::SeqCst), "no thread to be had");
                    "blocking".into()
                }
            })
            .build()
            .unwrap();
        Self {
            runtime,
            threads,
            broken,
        }
    }

    fn give_no_thread(&self) {
        until("the pool's threads have gone", || {
            self.threads.load(Ordering::SeqCst) == 0
        });
        self.broken.store(true, Ordering::SeqCst);
    }
}

/// The system itself gives no thread: `spawn_blocking` panics for good.
#[cfg(target_os = "linux")]
#[test]
fn the_system_gives_no_thread() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    if !support::as_ordinary_user(test_name!()) {
        return;
    }
    let sandbox = Sandbox::new();
    let runtime = Builder::new_current_thread()
        .thread_keep_alive(Duration::from_millis(1))
        .build()
        .unwrap();
    let before = support::threads();
    let dirs: Vec<_> = (0..runs()).map(|_| create(&runtime, &sandbox)).collect();
    until("the pool's threads have gone", || {
        support::threads() == before
    });

    let usual = getrlimit(Resource::Nproc);
    let none = Rlimit {
        current: Some(1),
        maximum: usual.maximum,
    };
    setrlimit(Resource::Nproc, none).unwrap();
    assert!(
        thread::Builder::new().spawn(|| ()).is_err(),
        "the limit binds"
    );
    let dropped = silently(|| drop(dirs));
    setrlimit(Resource::Nproc, usual).unwrap();
    assert!(dropped.is_ok(), "a drop never panics");
    assert_eq!(cleanup::pending(), 0);
    sandbox.check();
}

/// Threads outside any runtime each remove what they drop, also at the same time.
#[test]
fn a_drop_without_a_runtime_is_a_removal_on_every_thread() {
    const THREADS: usize = 8;
    let _alone = alone();
    let sandbox = Sandbox::new();
    for files in 0..support::times(20) {
        let runtime = current_thread();
        let dirs = [(); THREADS].map(|()| runtime.block_on(sandbox.dir()));
        drop(runtime);
        let start = Barrier::new(THREADS);
        thread::scope(|scope| {
            for dir in dirs {
                let start = &start;
                scope.spawn(move || {
                    let path = dir.path().to_path_buf();
                    (0..files).for_each(|n| fs::write(path.join(n.to_string()), "").unwrap());
                    start.wait();
                    drop(dir);
                    assert!(!path.exists(), "it is gone when its drop returns");
                });
            }
        });
    }
    sandbox.check();
}
