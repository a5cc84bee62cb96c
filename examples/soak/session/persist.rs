//! Publishing: where nothing is, over what is there, and two at the same time.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use futures::future;

use super::close::close;
use super::create::create;
use crate::chance::Cut;
use crate::fill::write;
use crate::held::Held;
use crate::manifest::Manifest;
use crate::record::Outcome;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[
    PERSIST,
    PERSIST_OVER_EMPTY,
    PERSIST_OVER_FULL,
    PERSIST_NOWHERE,
    PERSIST_RIVALS,
    REPLACE,
];

pub(super) const PERSIST: &str = "persist";
pub(super) const PERSIST_OVER_EMPTY: &str = "persist: over an empty directory";
pub(super) const PERSIST_OVER_FULL: &str = "persist: over a full directory";
pub(super) const PERSIST_NOWHERE: &str = "persist: no such parent";
pub(super) const REPLACE: &str = "replace";
const PERSIST_RIVALS: &str = "persist: two at the same";

/// What it is called, depending on the system, that a full directory has the name.
const TAKEN: &[ErrorKind] = &[
    ErrorKind::DirectoryNotEmpty,
    ErrorKind::AlreadyExists,
    ErrorKind::PermissionDenied,
];

pub(super) async fn persist(task: &mut Task, held: Held, way: &'static str) {
    let world = Arc::clone(&task.world);
    let target = world.places.published.join(world.name("published"));
    let target = match way {
        PERSIST_NOWHERE => target.join("missing"),
        _ => target,
    };
    let step = task.begin(way, format!("{} as {}", held.label(), target.display()));
    let (dir, known) = held.into_dir();
    let mut there = Vec::new();
    if way == PERSIST_OVER_EMPTY || way == PERSIST_OVER_FULL {
        let mut manifest = Manifest::default();
        let made = std::fs::create_dir(&target).and_then(|()| match way {
            PERSIST_OVER_FULL => {
                manifest.file(Path::new("old"), Default::default());
                std::fs::write(target.join("old"), "")
            }
            _ => Ok(()),
        });
        if let Err(error) = made {
            return step.violation(error);
        }
        there.push(manifest);
    }
    let is_there = !there.is_empty();
    let one_of = [vec![known.clone()], there.clone()].concat();
    world.expect(target.clone(), one_of, !is_there);
    let persisting = dir.persist(&target);
    match Cut::seldom(&mut task.rng).apply(persisting).await {
        None => step.end(Outcome::Cancelled),
        Some(Ok(path)) if path == target && (way == PERSIST || way == PERSIST_OVER_EMPTY) => {
            world.expect(target, vec![known], false);
            step.end(Outcome::Done);
        }
        Some(Ok(_)) => step.violation("it should not have been published"),
        Some(Err(error)) => {
            world.expect(target, there, !is_there);
            let kinds: &[ErrorKind] = match way {
                PERSIST_OVER_FULL => TAKEN,
                // Windows replaces none.
                PERSIST_OVER_EMPTY if !cfg!(unix) => &[ErrorKind::PermissionDenied],
                PERSIST_NOWHERE => &[ErrorKind::NotFound],
                _ => &[],
            };
            task.failed(step, error.error(), kinds);
            // It is as it was.
            let held = Held::again(task, error.into_dir(), known);
            close(task, held).await;
        }
    }
}

/// Puts one in the place of another, which is closed.
pub(super) async fn replace(task: &mut Task, held: Held) {
    let world = Arc::clone(&task.world);
    let target = world.places.published.join(world.name("replaced"));
    let step = task.begin(REPLACE, format!("{} at {}", held.label(), target.display()));
    let (dir, known) = held.into_dir();
    let mut there = Manifest::default();
    there.file(Path::new("old"), Default::default());
    let made = std::fs::create_dir(&target);
    if let Err(error) = made.and_then(|()| std::fs::write(target.join("old"), "")) {
        return step.violation(error);
    }
    let one_of = vec![known.clone(), there.clone()];
    world.expect(target.clone(), one_of, false);
    let replacing = dir.replace(&target);
    let held = match Cut::seldom(&mut task.rng).apply(replacing).await {
        None => return step.end(Outcome::Cancelled),
        Some(Ok(Some(old))) => {
            world.expect(target, vec![known], false);
            step.end(Outcome::Done);
            Held::again(task, old, there)
        }
        Some(Ok(None)) => return step.violation("it has replaced nothing"),
        Some(Err(error)) => {
            world.expect(target, vec![there], false);
            task.failed(step, error.error(), &[]);
            // It is as it was.
            Held::again(task, error.into_dir(), known)
        }
    };
    close(task, held).await;
}

/// Two that are to have the same name: one gets it, whole.
pub(super) async fn rivals(task: &mut Task) {
    let (Some(one), Some(other)) = (create(task).await, create(task).await) else {
        return;
    };
    // Full, or the one would replace the other.
    write(task, &one).await;
    write(task, &other).await;
    let world = Arc::clone(&task.world);
    let target = world.places.published.join(world.name("published"));
    let what = format!("{} and {}", one.label(), other.label());
    let is_full = [&one, &other].map(|held| held.know(|known| known.has_files_in(Path::new(""))));
    if is_full != [true, true] {
        return;
    }
    let step = task.begin(PERSIST_RIVALS, what);
    let ((one, of_one), (other, of_other)) = (one.into_dir(), other.into_dir());
    world.expect(target.clone(), vec![of_one.clone(), of_other.clone()], true);
    let (one, other) = future::join(one.persist(&target), other.persist(&target)).await;
    let (won, error) = match (one, other) {
        (Ok(_), Ok(_)) => return step.violation("both got the name"),
        (Ok(_), Err(error)) => (of_one, error),
        (Err(error), Ok(_)) => (of_other, error),
        (Err(one), Err(other)) => {
            world.expect(target, Vec::new(), true);
            // Only where the runtime refuses both: so the one is judged that is not such a refusal.
            let error = match one.error().kind() {
                ErrorKind::Other => other,
                _ => one,
            };
            return task.failed(step, error.error(), &[]);
        }
    };
    world.expect(target, vec![won], false);
    task.failed(step, error.error(), TAKEN);
}
