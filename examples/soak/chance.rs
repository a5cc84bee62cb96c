//! Chance, and futures that are dropped by it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use fastrand::Rng;

/// When a future is dropped, if it has not ended by then.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    Never,
    /// After that many polls, each when it is woken.
    Polls(u32),
    /// After that many polls, one for each turn of the runtime: so between two wake-ups, too.
    Turns(u32),
    /// By a timeout.
    Time(Duration),
}

impl Cut {
    /// Mostly never.
    pub(crate) fn seldom(rng: &mut Rng) -> Self {
        match rng.u8(..8) {
            0 => Self::some(rng),
            _ => Self::Never,
        }
    }

    pub(crate) fn some(rng: &mut Rng) -> Self {
        match rng.u8(..4) {
            // Unpolled, too.
            0 => Self::Polls(rng.u32(..4)),
            1 | 2 => Self::Turns(rng.u32(..60)),
            _ => Self::Time(Duration::from_micros(rng.u64(..3_000))),
        }
    }

    /// `None` if `future` was dropped.
    pub(crate) async fn apply<T>(self, future: impl Future<Output = T>) -> Option<T> {
        let (mut left, own) = match self {
            Self::Never => return Some(future.await),
            Self::Time(time) => return tokio::time::timeout(time, future).await.ok(),
            Self::Polls(polls) => (polls, false),
            Self::Turns(turns) => (turns, true),
        };
        let mut future = pin!(future);
        poll_fn(|cx| {
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            match future.as_mut().poll(cx) {
                Poll::Ready(value) => Poll::Ready(Some(value)),
                Poll::Pending if left == 0 => Poll::Ready(None),
                Poll::Pending => {
                    if own {
                        cx.waker().wake_by_ref();
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// A random number of bytes: mostly few.
pub(crate) fn size(rng: &mut Rng) -> usize {
    match rng.u8(..20) {
        0 => 0,
        1 => rng.usize(..300_000),
        2..6 => rng.usize(..20_000),
        _ => rng.usize(..200),
    }
}
