//! The `tracing` span around a removal. Does nothing without that feature.

use std::path::Path;

use super::Outcome;

/// The span that a removal is part of: its caller's, or none.
#[derive(Default)]
pub(crate) struct SpanContext {
    #[cfg(feature = "tracing")]
    caller: Option<traced::Caller>,
}

#[cfg(not(feature = "tracing"))]
impl SpanContext {
    pub(crate) fn current() -> Self {
        Self::default()
    }

    pub(super) fn around(self, _path: &Path, remove: impl FnOnce() -> Outcome) -> Outcome {
        remove()
    }
}

#[cfg(feature = "tracing")]
impl SpanContext {
    /// Returns the span that the calling task is in.
    pub(crate) fn current() -> Self {
        Self {
            caller: Some(traced::Caller::current()),
        }
    }

    /// Calls `remove` in a span of its own.
    pub(super) fn around(self, path: &Path, remove: impl FnOnce() -> Outcome) -> Outcome {
        traced::around(self.caller, path, remove)
    }
}

#[cfg(feature = "tracing")]
mod traced {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;

    use tracing::dispatcher::{self, Dispatch};
    use tracing::{Span, debug_span, field};

    use crate::remove::Outcome;

    /// A span and its subscriber, because the removing thread may have another one.
    pub(super) struct Caller {
        subscriber: Dispatch,
        span: Guarded,
    }

    impl Caller {
        pub(super) fn current() -> Self {
            Self {
                subscriber: dispatcher::get_default(Dispatch::clone),
                span: Guarded(guarded(Span::current)),
            }
        }
    }

    pub(super) fn around(
        caller: Option<Caller>,
        path: &Path,
        remove: impl FnOnce() -> Outcome,
    ) -> Outcome {
        let cause = caller.as_ref().and_then(|caller| caller.span.0.as_ref());
        let make = || {
            debug_span!(
                target: "async_tempdir::remove",
                // Without a caller there is no parent, rather than this thread's current span.
                parent: cause.and_then(Span::id),
                "remove",
                path = %path.display(),
                files = field::Empty,
                dirs = field::Empty,
                failed = field::Empty,
            )
        };
        let span = Guarded(guarded(|| match &caller {
            Some(caller) => dispatcher::with_default(&caller.subscriber, make),
            None => make(),
        }));
        drop(caller);
        let Some(of_removal) = span.0.as_ref().filter(|span| !span.is_disabled()) else {
            return remove();
        };
        let entered = guarded(|| of_removal.enter());
        let outcome = remove();
        guarded(|| {
            let (removed, failed) = match &outcome.result {
                Ok(removed) => (*removed, 0),
                Err(error) => (error.removed(), error.failed()),
            };
            of_removal.record("files", removed.files);
            of_removal.record("dirs", removed.dirs);
            of_removal.record("failed", failed);
        });
        guarded(|| drop(entered));
        outcome
    }

    /// A span whose drop catches a panic of the subscriber.
    struct Guarded(Option<Span>);

    impl Drop for Guarded {
        fn drop(&mut self) {
            let span = self.0.take();
            guarded(|| drop(span));
        }
    }

    /// Calls the subscriber, and catches its panics because they must not affect a removal.
    fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
        catch_unwind(AssertUnwindSafe(call)).ok()
    }
}
