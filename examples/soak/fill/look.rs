//! What the directory says is in it.

use std::io::ErrorKind;

use super::{at, fresh};
use crate::held::Held;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[EXISTS, LIST, TREE, USAGE];

const EXISTS: &str = "try_exists";
const LIST: &str = "list";
const TREE: &str = "tree";
const USAGE: &str = "usage";

pub(super) async fn exists(task: &mut Task, held: &Held) {
    let found = held.some_file(&mut task.rng);
    let (path, is_there) = match found {
        Some((path, _)) if task.rng.bool() => (path, true),
        _ => (fresh(task, held, 'f'), false),
    };
    let step = task.begin(EXISTS, at(held, &path));
    match held.dir().try_exists(&path).await {
        Ok(exists) if exists != is_there => step.violation(format!("it says {exists}")),
        result => _ = task.done(step, result),
    }
}

pub(super) async fn list(task: &mut Task, held: &Held) {
    let step = task.begin(LIST, held.label());
    // This one is under way.
    let known = || held.quiet(1).map(|known| known.list());
    let before = known();
    let listed = held.dir().list().await;
    let after = known();
    match listed {
        // Others may have been at it meanwhile.
        Ok(is) if before == after && before.as_ref().is_some_and(|was| *was != is) => {
            step.violation(format!("it lists {is:?}, but there is {before:?}"));
        }
        // For an ordinary user, permissions bind.
        Err(error) if before.is_none() => {
            task.failed(step, &error, &[ErrorKind::PermissionDenied]);
        }
        result => _ = task.done(step, result),
    }
}

pub(super) async fn usage(task: &mut Task, held: &Held) {
    let step = task.begin(USAGE, held.label());
    // This one is under way.
    let known = || held.quiet(1).map(|known| known.list().len() as u64);
    let before = known();
    let measured = held.dir().usage().await;
    let after = known();
    match measured {
        // The directory itself counts.
        Ok(is) if before == after && before.is_some_and(|was| was + 1 != is.files + is.dirs) => {
            step.violation(format!("it has {is:?}, but there are {before:?} entries"));
        }
        // For an ordinary user, permissions bind.
        Err(error) if before.is_none() => {
            task.failed(step, &error, &[ErrorKind::PermissionDenied]);
        }
        result => _ = task.done(step, result),
    }
}

pub(super) async fn tree(task: &mut Task, held: &Held) {
    let step = task.begin(TREE, held.label());
    // This one is under way.
    let before = held.quiet(1);
    let read = held.dir().tree().await;
    let after = held.quiet(1);
    match (read, before, after) {
        // Others may have been at it meanwhile.
        (Ok(is), Some(before), Some(after)) if before == after && !before.is_in(&is) => {
            step.violation(format!("it is {is:?}, but there is {before:?}"));
        }
        // For an ordinary user, permissions bind.
        (Err(error), None, _) => task.failed(step, &error, &[ErrorKind::PermissionDenied]),
        (read, ..) => _ = task.done(step, read),
    }
}
