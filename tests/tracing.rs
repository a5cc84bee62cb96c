//! Feature `tracing`: what a drop could not remove is a warning, and nothing else is one; a removal
//! is a span. Alone in its binary: the subscriber is the whole process's.
#![cfg(feature = "tracing")]

mod support;

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::future::IntoFuture;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_tempdir::{AsyncTempDir, cleanup};
use support::Sandbox;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_core::span::Current;

/// Keeps the events and the spans of this crate and of this test, one line each; or panics.
#[derive(Clone, Default)]
struct Lines(Arc<Recorded>);

#[derive(Default)]
struct Recorded {
    events: Mutex<Vec<String>>,
    /// The one with the id 1 is the first.
    spans: Mutex<Vec<Recording>>,
    /// Which of its methods panics.
    panics: Mutex<Option<&'static str>>,
}

struct Recording {
    metadata: &'static Metadata<'static>,
    parent: Option<u64>,
    fields: Line,
    entered: u32,
    is_closed: bool,
}

#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

thread_local! {
    static ENTERED: RefCell<Vec<Id>> = const { RefCell::new(Vec::new()) };
}

impl Lines {
    fn may_panic(&self, method: &str) {
        let panics = *self.0.panics.lock().unwrap();
        assert_ne!(panics, Some(method), "panics on purpose");
    }

    fn with<T>(&self, id: &Id, f: impl FnOnce(&mut Recording) -> T) -> T {
        let index = usize::try_from(id.into_u64()).unwrap() - 1;
        f(&mut self.0.spans.lock().unwrap()[index])
    }

    /// The spans around removals of `path`.
    fn of(&self, path: &Path) -> Vec<(Option<u64>, String)> {
        let spans = self.0.spans.lock().unwrap();
        let path = format!(" path={}", path.display());
        spans
            .iter()
            .filter(|span| span.metadata.name() == "remove")
            .filter(|span| span.fields.0.split(" files").next() == Some(&path))
            .map(|span| {
                assert_eq!(*span.metadata.level(), Level::DEBUG);
                assert_eq!(span.metadata.target(), "async_tempdir::remove");
                assert_eq!(span.entered, 1, "it is entered for the time of the removal");
                assert!(span.is_closed);
                (span.parent, span.fields.0[path.len()..].to_owned())
            })
            .collect()
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("async_tempdir") || metadata.target().starts_with("tracing")
    }
    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.may_panic("new_span");
        let mut fields = Line::default();
        span.record(&mut fields);
        let parent = if span.is_contextual() {
            ENTERED.with_borrow(|entered| entered.last().cloned())
        } else {
            span.parent().cloned()
        };
        let mut spans = self.0.spans.lock().unwrap();
        spans.push(Recording {
            metadata: span.metadata(),
            parent: parent.map(|id| id.into_u64()),
            fields,
            entered: 0,
            is_closed: false,
        });
        Id::from_u64(spans.len() as u64)
    }
    fn record(&self, id: &Id, record: &Record<'_>) {
        self.may_panic("record");
        self.with(id, |span| record.record(&mut span.fields));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        self.may_panic("event");
        assert_eq!(*event.metadata().level(), Level::WARN);
        assert_eq!(event.metadata().target(), "async_tempdir::cleanup");
        let mut line = Line::default();
        event.record(&mut line);
        self.0.events.lock().unwrap().push(line.0);
    }
    fn enter(&self, id: &Id) {
        self.may_panic("enter");
        self.with(id, |span| span.entered += 1);
        ENTERED.with_borrow_mut(|entered| entered.push(id.clone()));
    }
    fn exit(&self, _: &Id) {
        self.may_panic("exit");
        ENTERED.with_borrow_mut(|entered| entered.pop());
    }
    fn try_close(&self, id: Id) -> bool {
        self.may_panic("try_close");
        self.with(&id, |span| span.is_closed = true);
        true
    }
    fn current_span(&self) -> Current {
        self.may_panic("current_span");
        match ENTERED.with_borrow(|entered| entered.last().cloned()) {
            Some(id) => {
                let metadata = self.with(&id, |span| span.metadata);
                Current::new(id, metadata)
            }
            None => Current::none(),
        }
    }
}

const METHODS: [&str; 7] = [
    "new_span",
    "record",
    "event",
    "enter",
    "exit",
    "try_close",
    "current_span",
];

/// A subscriber that panics harms neither the thread that drops nor the directories behind, nor
/// whoever awaits a removal.
async fn with_a_subscriber_that_panics(lines: &Lines) {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    for method in METHODS {
        let sandbox = Sandbox::new();
        let create = || async { sandbox.dir().await };
        let held = create().await;
        let request = tracing::info_span!("request");
        let entered = request.enter();
        *lines.0.panics.lock().unwrap() = Some(method);
        for _ in 0..10 {
            let dir = create().await;
            std::fs::remove_dir(dir.path()).unwrap();
            std::fs::write(dir.path(), "a file").unwrap();
            drop(dir);
            drop(create().await);
        }
        cleanup::idle().await;
        held.close().await.unwrap();
        AsyncTempDir::scope(async |_| io::Result::Ok(()))
            .await
            .unwrap();
        assert_eq!(sandbox.leftovers().len(), 10, "{method}");
        *lines.0.panics.lock().unwrap() = None;
        drop(entered);
        for path in sandbox.leftovers() {
            std::fs::remove_file(path).unwrap();
        }
        sandbox.check();
    }
    lines.0.events.lock().unwrap().clear();
    std::panic::set_hook(usual);
}

/// A subscriber of the calling thread's own gets the span, although the removal is on another.
async fn with_a_subscriber_of_the_threads_own() {
    let lines = Lines::default();
    let sandbox = Sandbox::new();
    let dir = sandbox.dir().await;
    let path = dir.path().to_path_buf();
    let guard = tracing::subscriber::set_default(lines.clone());
    dir.close().await.unwrap();
    drop(guard);
    let fields = " files=0 dirs=1 failed=0".to_owned();
    assert_eq!(lines.of(&path), [(None, fields)]);
    sandbox.check();
}

#[tokio::test]
async fn what_a_drop_could_not_remove_is_a_warning_and_a_removal_a_span() {
    let lines = Lines::default();
    tracing::subscriber::set_global_default(lines.clone()).unwrap();
    with_a_subscriber_that_panics(&lines).await;
    with_a_subscriber_of_the_threads_own().await;
    let sandbox = Sandbox::new();
    let dropped = sandbox.dir().await;
    let replaced = sandbox.dir().await;
    let closed = sandbox.dir().await;
    closed.write("a/b", "x").await.unwrap();
    let [dropped_path, path, closed_path] =
        [&dropped, &replaced, &closed].map(|dir| dir.path().to_path_buf());
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, "a file").unwrap();

    // A request in which directories are dropped and closed.
    let request = tracing::info_span!("request");
    let id = request.id().unwrap().into_u64();
    request.in_scope(|| drop((dropped, replaced)));
    cleanup::idle().await;
    let mut closing = std::pin::pin!(closed.close().into_future());
    // A span is entered for the time of a poll.
    std::future::poll_fn(|cx| request.in_scope(|| closing.as_mut().poll(cx)))
        .await
        .unwrap();

    let events = lines.0.events.lock().unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(
        events[0].contains(&format!("path={}", path.display())),
        "{events:?}"
    );
    assert!(events[0].contains("failed=1"), "{events:?}");
    assert!(events[0].contains("replaced"), "{events:?}");

    let fields = |files, dirs, failed| format!(" files={files} dirs={dirs} failed={failed}");
    assert_eq!(
        lines.of(&closed_path),
        [(Some(id), fields(1, 2, 0))],
        "an awaited removal is part of what awaits it"
    );
    assert_eq!(lines.of(&dropped_path), [(None, fields(0, 1, 0))]);
    assert_eq!(lines.of(&path), [(None, fields(0, 0, 1))]);
    std::fs::remove_file(path).unwrap();
    sandbox.check();
}
