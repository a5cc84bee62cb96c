//! Runtimes, and their threads.

use std::sync::mpsc;

use tokio::runtime::{Builder, Runtime};

/// One runtime of each flavour.
pub fn runtimes() -> [Runtime; 2] {
    [current_thread(), multi_thread()]
}

pub fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

pub fn multi_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Occupies a thread of the runtime's blocking pool until the sender is dropped.
pub fn occupy(runtime: &Runtime) -> mpsc::Sender<()> {
    let (release, released) = mpsc::channel::<()>();
    let (started, has_started) = mpsc::channel();
    runtime.handle().spawn_blocking(move || {
        started.send(()).unwrap();
        let _ = released.recv();
    });
    has_started.recv().unwrap();
    release
}
