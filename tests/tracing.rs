//! Feature `tracing`: what a drop could not remove is a warning, and nothing else is one. Alone
//! in its binary: the subscriber is the whole process's.
#![cfg(feature = "tracing")]

mod support;

use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};

use async_tempdir::{AsyncTempDir, cleanup};
use support::Sandbox;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Keeps the events of this crate, one line each.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

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
        assert_eq!(*event.metadata().level(), Level::WARN);
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn what_a_drop_could_not_remove_is_a_warning() {
    let lines = Lines::default();
    tracing::subscriber::set_global_default(lines.clone()).unwrap();
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
