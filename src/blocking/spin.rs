//! Decides when a thread spins instead of sleeping.
//!
//! Waking a thread takes several times as long as a short operation. So when operations follow each
//! other closely, neither side sleeps: a worker that has emptied its queue *lingers* for the next
//! operation, and a future whose operation has begun *looks* for its value.
//!
//! Both happen only while they pay. What the last operations would have gained is measured, whether
//! a thread spun or not; and a [`Budget`] stops what is in vain after all, because the processors are
//! busy for instance, at first for a millisecond.

use std::any::TypeId;
use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::hint;
use std::sync::LazyLock;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed,
};
use std::time::{Duration, Instant};

use crate::util::processors;

/// The time for which a future looks for its value. Tokio asks of a poll that it returns within 10
/// to 100 µs. With 10 µs, most writes of small files are missed where the caches are cold.
const LOOK: Duration = Duration::from_micros(30);
/// The time for which a worker lingers.
const LINGER: Duration = Duration::from_micros(50);

/// The number of kinds that are told apart. Two kinds with the same number are one.
const KINDS: usize = 64;

/// Operations of each kind that took at most twice as long as a future looks: those that follow each
/// other take half of the time, because caches are warm.
static SHORT: [Share; KINDS] = [const { Share::new() }; KINDS];
/// Operations of each kind that another followed while a worker would have lingered.
static FOLLOWED: [Share; KINDS] = [const { Share::new() }; KINDS];
/// Operations that were begun when no other was awaited. The runtime has something else to do than to
/// look if there are others.
static ALONE: Share = Share::new();

static LOOKS: Budget = Budget::new();
static LINGERS: Budget = Budget::new();

/// The operations awaited now.
static AWAITED: AtomicUsize = AtomicUsize::new(0);
/// The end of the last operation, or 0 if another has been queued since, and its kind.
static LAST_END: AtomicU64 = AtomicU64::new(0);
static LAST_KIND: AtomicUsize = AtomicUsize::new(0);
/// Set while a future looks: one at a time.
static IS_LOOKING: AtomicBool = AtomicBool::new(false);
/// Set if a future has looked since an operation was begun.
static HAS_LOOKED: AtomicBool = AtomicBool::new(false);

/// A kind of operation. Those of one kind are expected to take about as long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind(usize);

impl Kind {
    /// Returns the kind of the operations that a closure of type `T` does.
    pub(crate) fn of<T: 'static>() -> Self {
        let mut hasher = DefaultHasher::new();
        TypeId::of::<T>().hash(&mut hasher);
        Self((hasher.finish() % KINDS as u64) as usize)
    }
}

/// The share of recent events for which something was true, in thousandths.
struct Share(AtomicU32);

impl Share {
    const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Adds an event, with the weight of a sixteenth. If threads do this at the same time, some
    /// events are lost.
    fn add(&self, is_true: bool) {
        let added = if is_true { 1_000 } else { 0 };
        let share = self.0.load(Relaxed);
        self.0.store((share * 15 + added) / 16, Relaxed);
    }

    fn is_large(&self) -> bool {
        self.0.load(Relaxed) > 700
    }
}

/// The time that may be spent in vain. Where spinning pays, it earns more.
struct Budget {
    /// In nanoseconds.
    left: AtomicI64,
    /// Nothing is spent before this time.
    not_before: AtomicU64,
    /// The length of the next pause, in nanoseconds.
    pause: AtomicU64,
}

impl Budget {
    /// Waking a thread takes at least as long.
    const EARNED: i64 = 10_000;
    const MAX: i64 = 500_000;
    const PAUSES: [u64; 2] = [1_000_000, 100_000_000];

    const fn new() -> Self {
        Self {
            left: AtomicI64::new(Self::MAX / 4),
            not_before: AtomicU64::new(0),
            pause: AtomicU64::new(Self::PAUSES[0]),
        }
    }

    fn allows(&self) -> bool {
        processors() > 1 && self.not_before.load(Relaxed) <= now()
    }

    fn record(&self, end: &End) {
        let left = match end {
            End::Came => (self.left.load(Relaxed) + Self::EARNED).min(Self::MAX),
            End::InVain(spent) => self.left.load(Relaxed) - spent.as_nanos() as i64,
        };
        self.left.store(left.max(0), Relaxed);
        let pause = self.pause.load(Relaxed);
        if left <= 0 {
            self.not_before.store(now() + pause, Relaxed);
            self.pause.store((pause * 2).min(Self::PAUSES[1]), Relaxed);
        } else if left == Self::MAX && pause > Self::PAUSES[0] {
            self.pause.store(Self::PAUSES[0], Relaxed);
        }
    }
}

/// The end of spinning.
enum End {
    Came,
    InVain(Duration),
}

fn spin(limit: Duration, has_come: impl Fn() -> bool) -> End {
    let begin = Instant::now();
    loop {
        for _ in 0..4 {
            if has_come() {
                return End::Came;
            }
            hint::spin_loop();
        }
        let elapsed = begin.elapsed();
        if elapsed >= limit {
            return End::InVain(elapsed);
        }
    }
}

/// Returns the time since the first call, in nanoseconds; at least 1.
fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64 + 1
}

/// Counts an operation as awaited until this is dropped.
pub(super) struct Awaited(());

impl Awaited {
    pub(super) fn new() -> Self {
        let others = AWAITED.fetch_add(1, Relaxed);
        // While a future looks, no other can begin an operation.
        if !HAS_LOOKED.swap(false, Relaxed) {
            ALONE.add(others == 0);
        }
        Self(())
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        AWAITED.fetch_sub(1, Relaxed);
    }
}

/// Records that an operation was queued.
pub(super) fn record_queued() {
    let end = LAST_END.swap(0, Relaxed);
    if end != 0 {
        let gap = Duration::from_nanos(now().saturating_sub(end));
        FOLLOWED[LAST_KIND.load(Relaxed)].add(gap <= LINGER);
    }
}

/// Runs an operation of `kind` and records how long it took.
pub(super) fn measure<T>(kind: Kind, operation: impl FnOnce() -> T) -> T {
    let begin = now();
    let value = operation();
    let end = now();
    SHORT[kind.0].add(Duration::from_nanos(end.saturating_sub(begin)) <= 2 * LOOK);
    LAST_KIND.store(kind.0, Relaxed);
    LAST_END.store(end, Relaxed);
    value
}

/// Spins until `is_queued` returns `true`, if the next operation usually comes soon enough.
pub(super) fn linger(is_queued: &dyn Fn() -> bool) {
    if FOLLOWED[LAST_KIND.load(Relaxed)].is_large() && LINGERS.allows() {
        LINGERS.record(&spin(LINGER, is_queued));
    }
}

/// Spins until a lingering worker has taken an operation: a moment, unless the system has given that
/// worker's processor to another thread. Returns whether it has.
pub(super) fn hand_over(is_taken: impl Fn() -> bool) -> bool {
    let end = spin(LOOK, is_taken);
    let is_taken = matches!(end, End::Came);
    if !is_taken {
        LINGERS.record(&end);
    }
    is_taken
}

/// Returns `true` for every eighth call on a thread: time for the other tasks of that thread.
///
/// A task whose operations are all over at the end of their first polls would never yield. Tokio's
/// own budget does not apply to them.
pub(super) fn is_turn_of_others() -> bool {
    thread_local! {
        static POLLS: Cell<u32> = const { Cell::new(0) };
    }
    // A thread that is ending runs no other task.
    let polls = POLLS.try_with(|polls| {
        polls.set(polls.get().wrapping_add(1));
        polls.get()
    });
    polls.is_ok_and(|polls| polls.is_multiple_of(8))
}

/// Spins until `is_over` returns `true`, if operations of `kind` are usually over soon enough.
pub(super) fn look(kind: Kind, is_over: impl Fn() -> bool) {
    let pays = SHORT[kind.0].is_large() && ALONE.is_large() && LOOKS.allows();
    if pays && !IS_LOOKING.swap(true, Relaxed) {
        HAS_LOOKED.store(true, Relaxed);
        LOOKS.record(&spin(LOOK, is_over));
        IS_LOOKING.store(false, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_is_spent_allows_nothing_for_a_while() {
        let budget = Budget::new();
        let spent = Duration::from_nanos(Budget::MAX as u64);
        let mut pauses = vec![];
        for _ in 0..10 {
            let before = now();
            budget.record(&End::InVain(spent));
            let not_before = budget.not_before.load(Relaxed);
            pauses.push((not_before - before) / Budget::PAUSES[0]);
        }
        assert_eq!(pauses[0], 1);
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert_eq!(pauses[9], Budget::PAUSES[1] / Budget::PAUSES[0]);

        for _ in 0..Budget::MAX / Budget::EARNED {
            budget.record(&End::Came);
        }
        let one = Duration::from_nanos(1);
        budget.not_before.store(0, Relaxed);
        budget.record(&End::InVain(one));
        assert_eq!(budget.not_before.load(Relaxed), 0, "there is enough left");
    }

    #[test]
    fn a_share_follows_the_recent_events() {
        let share = Share::new();
        (0..40).for_each(|_| share.add(true));
        assert!(share.is_large());
        share.add(false);
        assert!(share.is_large(), "one event is not many");
        (0..40).for_each(|n| share.add(n % 2 == 0));
        assert!(!share.is_large());
    }

    #[test]
    fn spinning_ends() {
        assert!(matches!(spin(LOOK, || true), End::Came));
        assert!(matches!(spin(LOOK, || false), End::InVain(spent) if spent >= LOOK));
    }
}
