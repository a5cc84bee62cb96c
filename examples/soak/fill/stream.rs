//! Files from streams, which come to their end, fail, panic or are dropped.

use std::io::{self, ErrorKind};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use futures::{FutureExt, StreamExt, stream};

use super::{at, fresh};
use crate::chance::{Cut, size};
use crate::held::Held;
use crate::manifest::Content;
use crate::record::Outcome;
use crate::world::{Provoked, Task};

pub(super) const ROWS: &[&str] = &[STREAM, STREAM_OVER, STREAM_FAILS, STREAM_PANICS];

const STREAM: &str = "write_stream";
const STREAM_OVER: &str = "write_stream: over a file";
const STREAM_FAILS: &str = "write_stream: the stream fails";
const STREAM_PANICS: &str = "write_stream: the stream panics";

pub(super) async fn write_stream(task: &mut Task, held: &Held) {
    let (path, is_over) = target(task, held);
    let content = chunks(task);
    let step = task.begin(if is_over { STREAM_OVER } else { STREAM }, at(held, &path));
    held.know(|known| known.doubt_whole(&path, &content));
    let slow = task.rng.u8(..4) == 0;
    let stream = stream::iter(content.pieces()).then(move |piece| async move {
        if slow {
            tokio::task::yield_now().await;
        }
        Ok::<_, io::Error>(piece)
    });
    match held.dir().write_stream(&path, stream).await {
        Ok(bytes) if bytes != content.len() as u64 => {
            step.violation(format!("{bytes} bytes of {}", content.len()));
        }
        result => {
            if task.done(step, result).is_some() {
                held.know(|known| known.file(&path, content));
            }
        }
    }
}

/// A stream that mostly is not written to its end. What it leaves is seen where the directory stays.
pub(super) async fn stream_midway(task: &mut Task, held: &Held) {
    let cut = Cut::some(&mut task.rng);
    held.begins();
    if cut.apply(write_stream(task, held)).await.is_some() {
        held.has_ended();
    }
}

pub(super) async fn stream_fails(task: &mut Task, held: &Held, by_panic: bool) {
    let (path, _) = target(task, held);
    let name = if by_panic {
        STREAM_PANICS
    } else {
        STREAM_FAILS
    };
    let content = chunks(task);
    let step = task.begin(name, at(held, &path));
    held.know(|known| known.doubt_whole(&path, &content));
    let world = Arc::clone(&task.world);
    let stream = stream::iter(content.pieces())
        .map(Ok)
        .chain(stream::once(async move {
            if by_panic {
                world.provoke();
            }
            Err(io::Error::from(ErrorKind::TimedOut))
        }));
    let writing = AssertUnwindSafe(held.dir().write_stream(&path, stream));
    match writing.catch_unwind().await {
        Err(panic) if by_panic && panic.is::<Provoked>() => step.end(Outcome::Panicked),
        Err(_) => return step.violation("another panic comes out"),
        Ok(result) => {
            let error = task.refused(step, result, &[ErrorKind::TimedOut]);
            if error.is_none_or(|error| error.kind() != ErrorKind::TimedOut) {
                return;
            }
        }
    }
    if !by_panic {
        // After a panic, the part of it is removed in the background.
        held.know(|known| known.unchanged(&path));
    }
}

/// A file for a stream: mostly a new one.
fn target(task: &mut Task, held: &Held) -> (PathBuf, bool) {
    let found = held.some_file(&mut task.rng);
    match found {
        Some((path, _)) if task.rng.u8(..3) == 0 => (path, true),
        _ => (fresh(task, held, 's'), false),
    }
}

/// Many chunks, small ones and large.
fn chunks(task: &mut Task) -> Content {
    let mut content = Content::default();
    for _ in 0..task.rng.usize(..12) {
        let len = match task.rng.u8(..6) {
            0 => task.rng.usize(60_000..200_000),
            _ => size(&mut task.rng),
        };
        content.push(task.rng.u64(..), len);
    }
    content
}
