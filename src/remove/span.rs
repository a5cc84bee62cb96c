//! The span of the `tracing` crate around a removal; without that feature, nothing.

use std::path::Path;

use super::Outcome;

/// What a removal is part of: the span of whoever waits for it, or nothing.
#[derive(Default)]
pub(crate) struct Cause {
    #[cfg(feature = "tracing")]
    span: Option<tracing::Span>,
}

#[cfg(not(feature = "tracing"))]
impl Cause {
    pub(crate) fn current() -> Self {
        Self::default()
    }

    pub(super) fn around(self, _path: &Path, remove: impl FnOnce() -> Outcome) -> Outcome {
        remove()
    }
}

#[cfg(feature = "tracing")]
impl Cause {
    /// What the calling task is in.
    pub(crate) fn current() -> Self {
        Self {
            span: guarded(tracing::Span::current),
        }
    }

    /// Has `remove` run in a span of its own.
    pub(super) fn around(self, path: &Path, remove: impl FnOnce() -> Outcome) -> Outcome {
        let span = guarded(|| {
            let cause = self.span.as_ref().and_then(tracing::Span::id);
            let span = tracing::debug_span!(
                target: "async_tempdir::remove",
                // Nobody's removal has none, rather than what this thread happens to be in.
                parent: cause,
                "remove",
                path = %path.display(),
                files = tracing::field::Empty,
                dirs = tracing::field::Empty,
                failed = tracing::field::Empty,
            );
            drop(self);
            span
        });
        let Some(span) = span.filter(|span| !span.is_disabled()) else {
            return remove();
        };
        let entered = guarded(|| span.enter());
        let outcome = remove();
        guarded(|| {
            let (removed, failed) = match &outcome.result {
                Ok(removed) => (*removed, 0),
                Err(error) => (error.removed(), error.failed()),
            };
            span.record("files", removed.files);
            span.record("dirs", removed.dirs);
            span.record("failed", failed);
        });
        guarded(|| drop(entered));
        guarded(|| drop(span));
        outcome
    }
}

/// Calls the subscriber, which is somebody else's: no removal is to suffer from its panics.
#[cfg(feature = "tracing")]
fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).ok()
}
