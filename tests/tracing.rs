//! Feature `tracing`: what a drop could not remove is a warning, and nothing else is one. Alone
//! in its binary: the subscriber is the whole process's.
#![cfg(feature = "tracing")]

mod support;

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_tempdir::{AsyncTempDir, cleanup};
use support::Sandbox;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Keeps the events of this crate, one line each; or panics.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>, Arc<AtomicBool>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("async_tempdir")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        assert!(!self.1.load(Ordering::SeqCst), "panics on purpose");
        assert_eq!(*event.metadata().level(), Level::WARN);
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// A subscriber that panics harms neither the thread that drops nor the directories behind.
async fn with_a_subscriber_that_panics(lines: &Lines) {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    lines.1.store(true, Ordering::SeqCst);
    let sandbox = Sandbox::new();
    let held = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
    for _ in 0..10 {
        let dir = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
        std::fs::remove_dir(dir.path()).unwrap();
        std::fs::write(dir.path(), "a file").unwrap();
        drop(dir);
        drop(AsyncTempDir::new_in(sandbox.path()).await.unwrap());
    }
    cleanup::idle().await;
    held.close().await.unwrap();
    assert_eq!(sandbox.leftovers().len(), 10);
    for path in sandbox.leftovers() {
        std::fs::remove_file(path).unwrap();
    }
    lines.1.store(false, Ordering::SeqCst);
    std::panic::set_hook(usual);
    sandbox.check();
}

#[tokio::test]
async fn what_a_drop_could_not_remove_is_a_warning() {
    let lines = Lines::default();
    tracing::subscriber::set_global_default(lines.clone()).unwrap();
    with_a_subscriber_that_panics(&lines).await;
    let sandbox = Sandbox::new();
    drop(AsyncTempDir::new_in(sandbox.path()).await.unwrap());
    let dir = AsyncTempDir::new_in(sandbox.path()).await.unwrap();
    let path = dir.path().to_path_buf();
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, "a file").unwrap();
    drop(dir);
    cleanup::idle().await;

    let lines = lines.0.lock().unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains(&format!("path={}", path.display())),
        "{lines:?}"
    );
    assert!(lines[0].contains("failed=1"), "{lines:?}");
    assert!(lines[0].contains("replaced"), "{lines:?}");
    std::fs::remove_file(path).unwrap();
    sandbox.check();
}
