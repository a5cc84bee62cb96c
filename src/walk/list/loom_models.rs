//! Checks every order in which a few threads can process a list.
//!
//! Loom reports a thread that sleeps forever as a deadlock.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
// Not loom's: the models look on, and are no part of what is tried out.
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::model::Builder;
use loom::sync::{Condvar, Mutex};
use loom::thread;

use super::List;

/// The number of times that each of `N` pieces was processed.
struct Done<const N: usize>([AtomicUsize; N]);

impl<const N: usize> Done<N> {
    fn count(&self, piece: usize) {
        self.0[piece].fetch_add(1, Ordering::Relaxed);
    }

    #[track_caller]
    fn assert_each_once(&self) {
        for (piece, times) in self.0.iter().enumerate() {
            let times = times.load(Ordering::Relaxed);
            assert_eq!(times, 1, "piece {piece} must be processed once");
        }
    }
}

impl<const N: usize> Default for Done<N> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicUsize::new(0)))
    }
}

/// Processes a list that begins with piece 0 on `threads`, until all of them return.
fn model<const N: usize>(
    threads: usize,
    preemptions: Option<usize>,
    work: impl Fn(&List<usize>, usize) + Copy + Send + Sync + 'static,
) {
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions;
    builder.check(move || {
        let shared = Arc::new((List::new(0), Done::<N>::default()));
        let take_part = move |shared: &(List<usize>, Done<N>)| {
            let (list, done) = shared;
            list.work_off(|piece| {
                done.count(piece);
                work(list, piece);
            });
            // A thread that returns has seen the end of the list.
            done.assert_each_once();
        };
        let others: Vec<_> = (1..threads)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || take_part(&shared))
            })
            .collect();
        take_part(&shared);
        for other in others {
            other.join().unwrap();
        }
        assert!(
            !shared.0.is_starving(),
            "no thread may be left that wants work"
        );
    });
}

/// A directory with two others in it, one of which holds one more.
fn tree(list: &List<usize>, piece: usize) {
    match piece {
        0 => list.add([1, 2]),
        2 => list.add([3]),
        _ => {}
    }
}

#[test]
fn two_threads_carry_out_each_piece_once() {
    model::<4>(2, None, tree);
}

#[test]
fn three_threads_carry_out_each_piece_once() {
    model::<4>(3, Some(3), tree);
}

#[test]
fn three_threads_share_what_one_adds_bit_by_bit() {
    model::<3>(3, Some(3), |list, piece| {
        if piece == 0 {
            list.add([1]);
            list.add([2]);
        }
    });
}

#[test]
fn what_is_added_for_later_is_carried_out_too() {
    model::<4>(2, None, |list, piece| match piece {
        0 => {
            list.add_for_later(1);
            list.add([2]);
        }
        2 => list.add_for_later(3),
        _ => {}
    });
}

#[test]
fn three_threads_find_what_is_added_for_later() {
    model::<3>(3, Some(3), |list, piece| {
        if piece == 0 {
            list.add_for_later(1);
            list.add([2]);
        }
    });
}

/// Hands work over only where the hint asks for it, and does the rest itself: whatever the hint
/// says, all is done.
#[test]
fn the_hint_loses_no_work() {
    for threads in [2, 3] {
        let mut builder = Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let shared = Arc::new((List::new(0), Done::<4>::default()));
            let take_part = |shared: &(List<usize>, Done<4>)| {
                let (list, done) = shared;
                list.work_off(|piece| {
                    done.count(piece);
                    if piece == 0 {
                        for more in 1..4 {
                            if list.is_starving() {
                                list.add([more]);
                            } else {
                                done.count(more);
                            }
                        }
                    }
                });
                done.assert_each_once();
            };
            let others: Vec<_> = (1..threads)
                .map(|_| {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || take_part(&shared))
                })
                .collect();
            take_part(&shared);
            for other in others {
                other.join().unwrap();
            }
            assert!(
                !shared.0.is_starving(),
                "no thread may be left that wants work"
            );
        });
    }
}

#[test]
fn a_panic_leaves_nobody_waiting() {
    for panics_at in [0, 1] {
        let mut builder = Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(move || {
            let shared = Arc::new((List::new(0), Done::<3>::default()));
            let take_part = move |shared: &(List<usize>, Done<3>)| {
                let (list, done) = shared;
                catch_unwind(AssertUnwindSafe(|| {
                    list.work_off(|piece| {
                        done.count(piece);
                        if piece == 0 {
                            list.add([1, 2]);
                        }
                        if piece == panics_at {
                            // Without the message.
                            resume_unwind(Box::new(()));
                        }
                    });
                }))
                .is_err()
            };
            let other = {
                let shared = Arc::clone(&shared);
                thread::spawn(move || take_part(&shared))
            };
            let panicked = [take_part(&shared), other.join().unwrap()];
            assert_eq!(
                panicked.iter().filter(|&&p| p).count(),
                1,
                "the one that panicked"
            );
            shared.1.assert_each_once();
        });
    }
}

/// Each piece lasts until all of them have begun, so each needs a thread of its own, and a waiting
/// thread must be woken for each.
#[test]
fn what_is_added_wakes_who_waits() {
    for bit_by_bit in [false, true] {
        let mut builder = Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(move || {
            let shared = Arc::new((List::new(0), Mutex::new(0), Condvar::new()));
            let take_part = move |shared: &(List<usize>, Mutex<usize>, Condvar)| {
                let (list, under_way, all) = shared;
                list.work_off(|piece| {
                    match piece {
                        0 if bit_by_bit => {
                            list.add([1]);
                            list.add_for_later(2);
                        }
                        0 => list.add([1, 2]),
                        _ => {}
                    }
                    let mut under_way = under_way.lock().unwrap();
                    *under_way += 1;
                    all.notify_all();
                    while *under_way < 3 {
                        under_way = all.wait(under_way).unwrap();
                    }
                });
            };
            let others: Vec<_> = (1..3)
                .map(|_| {
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || take_part(&shared))
                })
                .collect();
            take_part(&shared);
            for other in others {
                other.join().unwrap();
            }
        });
    }
}
