//! Blocking pools whose threads are busy, hung, or gone.

mod support;

use std::fs;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use async_tempdir::{AsyncTempDir, cleanup};
use futures::FutureExt;
use support::{Sandbox, alone, multi_thread, occupy, runtimes, silently, until};
use tokio::runtime::{Builder, Runtime};

/// How long the pool's only thread is busy before it gets to what waits for it. Far more than what
/// waits takes.
const BUSY: Duration = Duration::from_millis(600);

/// A runtime whose blocking pool has one thread.
fn one_thread() -> Runtime {
    Builder::new_current_thread()
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

fn create_many(runtime: &Runtime, sandbox: &Sandbox, number: usize) -> Vec<AsyncTempDir> {
    runtime.block_on(async {
        let mut dirs = Vec::with_capacity(number);
        for _ in 0..number {
            dirs.push(sandbox.dir().await);
        }
        dirs
    })
}

/// Has the application call the pool behind what waits there by now. The call returns what `look`
/// sees as it begins.
fn call_behind<T: Send + 'static>(
    runtime: &Runtime,
    look: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = T> {
    runtime.spawn_blocking(look).map(Result::unwrap)
}

/// With one call to the pool for each, all would be carried out before the application's next call.
#[test]
fn operations_that_wait_for_a_busy_pool_are_all_carried_out_in_their_turn() {
    let writes_in_line = support::times(100);
    // No disk has its say in how long that takes.
    let sandbox = Sandbox::new_in(&support::in_memory());
    let runtime = one_thread();
    let dir = create_many(&runtime, &sandbox, 1).pop().unwrap();
    let busy = occupy(&runtime);
    let mut writes: Vec<_> = (0..writes_in_line)
        .map(|n| Box::pin(dir.write(n.to_string(), "x")))
        .collect();
    runtime.block_on(async {
        for write in &mut writes {
            assert!(write.as_mut().now_or_never().is_none(), "the pool is busy");
        }
    });
    let path = dir.path().to_path_buf();
    let written = call_behind(&runtime, move || fs::read_dir(path).unwrap().count());
    thread::sleep(BUSY);
    drop(busy);
    let written = runtime.block_on(written);
    assert_eq!(
        written, writes_in_line,
        "those in line have the time for which they waited"
    );
    runtime.block_on(async {
        for write in writes {
            write.await.unwrap();
        }
    });
    runtime.block_on(dir.close().into_future()).unwrap();
    sandbox.check();
}

#[test]
fn removals_that_wait_for_a_busy_pool_are_all_carried_out_in_their_turn() {
    let _alone = alone();
    let sandbox = Sandbox::new_in(&support::in_memory());
    let runtime = one_thread();
    let dirs = create_many(&runtime, &sandbox, support::times(100));
    for dir in &dirs {
        for n in 0..20 {
            fs::write(dir.path().join(n.to_string()), "").unwrap();
        }
    }
    let busy = occupy(&runtime);
    drop(dirs);
    let left = call_behind(&runtime, cleanup::pending);
    thread::sleep(BUSY);
    drop(busy);
    let left = runtime.block_on(left);
    assert_eq!(left, 0, "those in line have the time for which they waited");
    sandbox.check();
}

/// A worker takes no more time than it waited: the application's calls are not starved either.
#[test]
fn the_application_gets_its_turn_although_more_and_more_waits() {
    let sandbox = Sandbox::new();
    let runtime = one_thread();
    let dir = Arc::new(create_many(&runtime, &sandbox, 1).pop().unwrap());
    let busy = occupy(&runtime);
    runtime.block_on(async {
        let tasks: Vec<_> = (0..50)
            .map(|n| {
                let dir = Arc::clone(&dir);
                tokio::spawn(async move {
                    // One after the other: there is always one in line.
                    for _ in 0..support::times(50) {
                        dir.write(n.to_string(), "x").await.unwrap();
                    }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        let call = tokio::task::spawn_blocking(|| ());
        drop(busy);
        call.await.unwrap();
        assert!(
            tasks.iter().any(|task| !task.is_finished()),
            "the call comes before what was asked for after it"
        );
        for task in tasks {
            task.await.unwrap();
        }
        Arc::into_inner(dir).unwrap().close().await.unwrap();
    });
    sandbox.check();
}

/// Makes the removal of each of `dirs` hang in the failure hook until what is returned is dropped.
fn hang(dirs: &[AsyncTempDir]) -> impl Drop + use<> {
    struct Hang(Option<mpsc::Sender<()>>);
    impl Drop for Hang {
        fn drop(&mut self) {
            drop(self.0.take());
            cleanup::set_failure_hook(|_| {});
        }
    }
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    cleanup::set_failure_hook(move |_| {
        let _ = released.lock().unwrap().recv();
    });
    for dir in dirs {
        // It cannot be removed, which the hook is told of.
        fs::remove_dir(dir.path()).unwrap();
        fs::write(dir.path(), "a file").unwrap();
    }
    Hang(Some(release))
}

#[test]
fn removals_that_hang_do_not_hold_up_the_others() {
    let _alone = alone();
    for hung in 1..cleanup::MAX_THREADS {
        for runtime in runtimes() {
            let sandbox = Sandbox::new();
            let stuck = create_many(&runtime, &sandbox, hung);
            let others = create_many(&runtime, &sandbox, 100);
            let hang = hang(&stuck);
            // No further drop, and no other call, is there to notice that those hang.
            drop((stuck, others));
            until("what does not hang is removed", || {
                cleanup::pending() == hung
            });
            drop(hang);
            runtime.block_on(cleanup::idle());
            drop(runtime);
            for path in sandbox.leftovers() {
                fs::remove_file(path).unwrap();
            }
            sandbox.check();
        }
    }
}

#[test]
fn a_request_in_a_pool_that_was_shut_down_is_not_relied_on() {
    let _alone = alone();
    let healthy = multi_thread();
    for inside in [false, true] {
        let sandbox = Sandbox::new();
        let runtime = one_thread();
        let mut dirs = create_many(&runtime, &sandbox, 2);
        let busy = occupy(&runtime);
        // This one's request is stuck behind the busy thread.
        drop(dirs.pop());
        runtime.shutdown_background();
        let entered = inside.then(|| healthy.enter());
        drop(dirs);
        drop(entered);
        healthy.block_on(cleanup::idle());
        assert!(
            sandbox.leftovers().is_empty(),
            "the busy thread is still busy"
        );
        drop(busy);
        sandbox.check();
    }
}

/// The end of a runtime waits for removals in line behind one that takes long, which nothing else may
/// take over: the process might end meanwhile.
#[test]
fn the_end_of_a_runtime_waits_for_what_is_in_line() {
    let _alone = alone();
    let sandbox = Sandbox::new_in(&support::in_memory());
    let runtime = multi_thread();
    let slow = create_many(&runtime, &sandbox, 1);
    let other = create_many(&runtime, &sandbox, 1);
    // Which takes far longer than the other one hangs.
    for n in 0..20_000 {
        fs::write(other[0].path().join(n.to_string()), "").unwrap();
    }
    let hang = hang(&slow);
    drop((slow, other));
    let released = thread::spawn(move || {
        // Long enough for what looks after removals to have done so.
        thread::sleep(Duration::from_millis(60));
        drop(hang);
    });
    drop(runtime);
    let left = cleanup::pending();
    released.join().unwrap();
    assert_eq!(left, 0, "the runtime has ended before the removals");
    for path in sandbox.leftovers() {
        fs::remove_file(path).unwrap();
    }
    sandbox.check();
}

/// In a pool that is shut down, a worker gets no other to help it.
#[test]
fn a_removal_that_hangs_in_a_pool_that_is_shut_down_does_not_hold_up_the_one_before() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let runtime = one_thread();
    let ordinary = create_many(&runtime, &sandbox, 1);
    let stuck = create_many(&runtime, &sandbox, 1);
    let path = ordinary[0].path().to_path_buf();
    let hang = hang(&stuck);
    let busy = occupy(&runtime);
    {
        let _entered = runtime.enter();
        drop((ordinary, stuck));
    }
    runtime.shutdown_background();
    drop(busy);
    until("the first in line is removed", || !path.exists());
    drop(hang);
    multi_thread().block_on(cleanup::idle());
    for path in sandbox.leftovers() {
        fs::remove_file(path).unwrap();
    }
    sandbox.check();
}

/// Counts how often it is woken, and panics.
struct Panics(AtomicUsize);

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
        panic!("on purpose");
    }
}

#[test]
fn a_waker_that_panics_harms_no_other_operation() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let runtime = one_thread();
    let mut dirs = create_many(&runtime, &sandbox, 11);
    let last = dirs.pop().unwrap();
    let busy = occupy(&runtime);
    let panics = Arc::new(Panics(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&panics));
    let mut closes: Vec<Pin<Box<_>>> = dirs
        .into_iter()
        .map(|dir| Box::pin(dir.close().into_future()))
        .collect();
    for close in &mut closes {
        let poll = silently(|| close.as_mut().poll(&mut Context::from_waker(&waker)));
        let poll = poll.expect("the panic stays with the waker");
        assert!(poll.is_pending(), "the pool is busy");
    }
    // A first poll may wake its task to let others run.
    let woken = panics.0.load(Ordering::SeqCst);
    runtime.shutdown_background();
    // Long enough for the request of those to be overdue.
    thread::sleep(Duration::from_millis(300));
    let written = silently(|| last.write("file", "x").now_or_never());
    let error = written
        .expect("the panic is another's")
        .expect("it is refused at once")
        .unwrap_err();
    assert!(error.to_string().contains("shutting down"), "{error}");
    drop(last);
    until("each is closed", || sandbox.leftovers().is_empty());
    until("each is woken", || {
        panics.0.load(Ordering::SeqCst) == woken + 10
    });
    for close in closes {
        close.now_or_never().expect("it has ended").unwrap();
    }
    drop(busy);
    sandbox.check();
}
