//! The inner workings: threads, descriptors, and drops.
//!
//! All work on the disk runs on Tokio's blocking pool, the one behind `tokio::fs`. An operation is
//! one closure there ([`write_stream`](crate::AsyncTempDir::write_stream): one for each batch;
//! [`temp_file`](crate::AsyncTempDir::temp_file): a few), because dispatching to the pool costs
//! more than a few system calls. Concurrent operations share the threads that are awake; a slow one
//! never delays the rest.
//!
//! Waking a thread costs more than most operations. So when operations follow each other closely, one
//! at a time, neither side sleeps: the thread waits for the next one, for at most 50 µs, in which it
//! keeps its processor busy, and the future waits for the answer on its first poll, for at most 30 µs.
//! Each happens only as long as it mostly succeeds, and never with one processor. The future of an
//! operation that takes longer than 60 µs, or runs beside others, sleeps; and a thread whose next
//! operation usually comes later than 50 µs does. Every eighth time, the future lets the other tasks
//! of its thread run first.
//!
//! An `AsyncTempDir` holds no file descriptor, so ten thousand of them cost none. As an
//! optimization, up to 16 directories per process keep one open between operations (none on
//! Windows).
//!
//! Dropping a handle queues its directory on the runtime that created it, which takes microseconds
//! whatever the directory holds. At most [`MAX_THREADS`](crate::cleanup::MAX_THREADS) threads of
//! that runtime's pool process the queue. If there is no such runtime
//! ([`new_blocking`](crate::AsyncTempDir::new_blocking) needs none), or it is shutting down or gone,
//! or the system gives it no thread, the removal runs on another runtime if the dropping thread is in one.
//! Otherwise the drop itself removes the directory, and takes that long. When a runtime is dropped,
//! Tokio waits for work that has started: the directories of a `#[tokio::test]` are gone when it
//! returns.
