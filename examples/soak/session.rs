//! What a task does with directories, from their creation to the one end or the other.

use std::io::ErrorKind;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_tempdir::{AsyncTempDir, Builder, Cleanup, Removed, TempRoot};
use futures::{FutureExt, future};

use crate::chance::Cut;
use crate::fill::{fill, write};
use crate::held::Held;
use crate::manifest::Manifest;
use crate::record::Outcome;
use crate::world::{APPS, Live, Provoked, Task};

pub(crate) const ROWS: &[&str] = &[
    NEW,
    NEW_IN,
    WITH_PREFIX_IN,
    WITH_SUFFIX_IN,
    BUILDER,
    CHILD,
    PARENT_FIRST,
    PARENT_CLOSES,
    CHILD_KEPT,
    SHARED,
    CLOSE,
    CLOSE_OPTIONS,
    CLOSE_PANIC,
    CLOSE_UNPOLLED,
    CLOSE_MIDWAY,
    KEEP,
    REMOVE_DIR_ALL,
    PERSIST,
    PERSIST_OVER_EMPTY,
    PERSIST_OVER_FULL,
    PERSIST_NOWHERE,
    PERSIST_RIVALS,
    PERSIST_BUSY,
    SCOPE,
    SCOPE_PANIC,
    GIVE,
    ABROAD,
    BURST,
    ROOT_OPEN,
    ROOT_CLOSE,
    ROOT_DROP,
    RECLAIMED,
];

const NEW: &str = "new";
const NEW_IN: &str = "new_in";
const WITH_PREFIX_IN: &str = "with_prefix_in";
const WITH_SUFFIX_IN: &str = "with_suffix_in";
const BUILDER: &str = "Builder::create";
const CHILD: &str = "temp_dir";
const PARENT_FIRST: &str = "temp_dir: the parent is dropped first";
const PARENT_CLOSES: &str = "temp_dir: the parent is closed first";
const CHILD_KEPT: &str = "temp_dir: the child is kept";
const SHARED: &str = "shared among tasks";
const CLOSE: &str = "close";
const CLOSE_OPTIONS: &str = "close: max_threads, on_progress";
const CLOSE_PANIC: &str = "close: on_progress panics";
const CLOSE_UNPOLLED: &str = "close: never polled";
const CLOSE_MIDWAY: &str = "close: perhaps dropped midway";
const KEEP: &str = "keep";
const REMOVE_DIR_ALL: &str = "remove_dir_all: one that was kept";
const PERSIST: &str = "persist";
const PERSIST_OVER_EMPTY: &str = "persist: over an empty directory";
const PERSIST_OVER_FULL: &str = "persist: over a full directory";
const PERSIST_NOWHERE: &str = "persist: no such parent";
const PERSIST_RIVALS: &str = "persist: two at the same";
const PERSIST_BUSY: &str = "persist: a child is held";
const SCOPE: &str = "scope";
const SCOPE_PANIC: &str = "scope: panics";
const GIVE: &str = "given to another runtime";
const ABROAD: &str = "given to a thread without a runtime";
const BURST: &str = "many created and dropped at once";
const ROOT_OPEN: &str = "TempRoot::open_in";
const ROOT_CLOSE: &str = "TempRoot::close";
const ROOT_DROP: &str = "TempRoot dropped";
const RECLAIMED: &str = "TempRoot::reclaimed";

/// One session after the other, while there is time.
pub(crate) async fn sessions(mut task: Task) {
    for _ in 0..task.rng.u8(1..6) {
        if task.world.is_over() {
            return;
        }
        let cut = Cut::seldom(&mut task.rng);
        cut.apply(session(&mut task)).await;
    }
}

/// One directory's life, or that of several.
pub(crate) async fn session(task: &mut Task) {
    match task.rng.u8(..32) {
        0..14 => lone(task).await,
        14..17 => adopted(task).await,
        17..20 => shared(task).await,
        20..24 => family(task).await,
        24..27 => scope(task).await,
        27..30 => root(task).await,
        30 => rivals(task).await,
        _ => burst(task).await,
    }
}

async fn lone(task: &mut Task) {
    let cut = Cut::seldom(&mut task.rng);
    let Some(Some(held)) = cut.apply(create(task)).await else {
        return;
    };
    work(task, held).await;
}

/// Goes on where a task of another runtime has left off.
async fn adopted(task: &mut Task) {
    match task.world.take(&mut task.rng) {
        Some(held) => work(task, held).await,
        None => lone(task).await,
    }
}

async fn work(task: &mut Task, mut held: Held) {
    // What cannot be looked at later must not stay.
    let stays = task.rng.u8(..4) == 0 && !held.know(|known| known.is_barred());
    let steps = task.rng.usize(..8);
    fill(task, &held, steps, stays).await;
    if stays {
        return keep(task, held).await;
    }
    match task.rng.u8(..24) {
        0..5 => drop(held),
        5..9 => close(task, held).await,
        9 => close_panic(task, held).await,
        10 => {
            let step = task.begin(CLOSE_UNPOLLED, held.label());
            // As a future, or not even that.
            let closing = held.into_dir().0.close();
            if task.rng.bool() {
                drop(closing.into_future());
            } else {
                drop(closing);
            }
            step.end(Outcome::Done);
        }
        11..14 => close_midway(task, held).await,
        14 => {
            if task.rng.bool() && task.world.ticket() {
                held.set_cleanup(Cleanup::OnSuccess);
            }
            task.world.provoke();
        }
        15 => {
            // Nobody panics: so this removes.
            held.set_cleanup(Cleanup::OnSuccess);
            drop(held);
        }
        16..19 => {
            let step = task.begin(GIVE, held.label());
            task.world.give(held);
            step.end(Outcome::Done);
        }
        19..22 => {
            let step = task.begin(ABROAD, held.label());
            drop(task.world.send_abroad(held));
            step.end(Outcome::Done);
        }
        _ => {
            let step = task.begin(ABROAD, held.label());
            // A thread of its own, which ends at once, and may do so after this task.
            let live = Live::new(&task.world);
            let thread = std::thread::spawn(move || {
                let _live = live;
                drop(held);
            });
            let ended = tokio::task::spawn_blocking(|| thread.join()).await;
            match ended {
                Ok(Ok(())) => step.end(Outcome::Done),
                Ok(Err(_)) => step.violation("a drop panicked"),
                Err(_) => step.end(Outcome::ShutDown),
            }
        }
    }
}

async fn create(task: &mut Task) -> Option<Held> {
    let work = task.world.places.work.clone();
    let policy = Cleanup::Always;
    match task.rng.u8(..6) {
        0 => {
            let step = task.begin(NEW, "");
            let dir = AsyncTempDir::new().await;
            let dir = task.done(step, dir)?;
            Some(born(task, dir, policy, &task.world.places.tmp, 0o700))
        }
        1 | 2 => {
            let step = task.begin(NEW_IN, "");
            let dir = AsyncTempDir::new_in(&work).await;
            let dir = task.done(step, dir)?;
            Some(born(task, dir, policy, &work, 0o700))
        }
        3 => {
            let step = task.begin(WITH_PREFIX_IN, "");
            let dir = AsyncTempDir::with_prefix_in("tmp-a-", &work).await;
            let dir = task.done(step, dir)?;
            Some(born(task, dir, policy, &work, 0o700))
        }
        4 => {
            let step = task.begin(WITH_SUFFIX_IN, "");
            let dir = AsyncTempDir::with_suffix_in(".d", &work).await;
            let dir = task.done(step, dir)?;
            Some(born(task, dir, policy, &work, 0o700))
        }
        _ => {
            let step = task.begin(BUILDER, "");
            let builder = Builder::new().prefix("tmpb").random_len(12).parent(&work);
            // Cancelled, not even this one stays.
            let policy = if task.rng.u8(..4) == 0 {
                Cleanup::Never
            } else {
                Cleanup::Always
            };
            #[cfg(unix)]
            let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o750));
            let dir = builder.cleanup(policy).create().await;
            let dir = task.done(step, dir)?;
            let mut held = born(task, dir, policy, &work, 0o750);
            held.set_cleanup(Cleanup::Always);
            Some(held)
        }
    }
}

/// Looks at a new directory, and takes care of it.
fn born(task: &Task, dir: AsyncTempDir, policy: Cleanup, parent: &Path, mode: u32) -> Held {
    let held = Held::new(task, dir, policy);
    let path = held.path();
    let is_right = path.is_dir() && path.parent() == Some(parent) && is_mode(path, mode);
    if !is_right {
        let record = &task.world.record;
        record.violation(format!(
            "{path:?} was not created in {parent:?} as {mode:o}"
        ));
    }
    held
}

#[cfg(unix)]
fn is_mode(path: &Path, mode: u32) -> bool {
    use std::os::unix::fs::PermissionsExt;
    // Whatever the umask has taken away, nobody gets more.
    path.metadata().is_ok_and(|data| {
        let is = data.permissions().mode() & 0o777;
        is & !mode == 0 && is & 0o700 == 0o700
    })
}

#[cfg(not(unix))]
fn is_mode(_: &Path, _: u32) -> bool {
    true
}

async fn keep(task: &mut Task, mut held: Held) {
    // In turn, so that a slow disk gets to see each.
    match task.world.turn() % 10 {
        0 => {
            let step = task.begin(KEEP, held.label());
            let path = held.path().to_path_buf();
            if held.keep() == path && path.is_dir() {
                step.end(Outcome::Done);
            } else {
                step.violation("it was not kept");
            }
        }
        1 => remove_kept(task, held).await,
        2 | 3 => {
            held.set_cleanup(Cleanup::Never);
            // It may be dropped meanwhile, and stays all the same.
            fill(task, &held, 2, true).await;
            if task.rng.u8(..3) == 0 {
                held.set_cleanup(Cleanup::Always);
            }
        }
        4..7 => persist(task, held, PERSIST).await,
        7 => persist(task, held, PERSIST_OVER_EMPTY).await,
        8 => persist(task, held, PERSIST_OVER_FULL).await,
        _ => persist(task, held, PERSIST_NOWHERE).await,
    }
}

/// Removes a kept directory as anybody's.
async fn remove_kept(task: &mut Task, held: Held) {
    let step = task.begin(REMOVE_DIR_ALL, held.label());
    // An operation whose future was dropped might bring something back.
    let exact = held.quiet(0);
    let known = held.know(|known| known.clone());
    let path = held.keep();
    if exact.is_none() {
        return step.end(Outcome::Cancelled);
    }
    // Begun, the removal goes on, even if this is dropped.
    task.world.expect(path.clone(), vec![known], true);
    let removal = async_tempdir::remove_dir_all(&path).max_threads(task.rng.usize(..4));
    match removal.on_progress(|_| ()).await {
        Err(error) => step.violation(error),
        Ok(_) if path.exists() => step.violation("it returned, and the directory is there"),
        Ok(removed) if exact.is_some_and(|known| known.entries() != removed) => {
            step.violation(format!("it says {removed:?}"));
        }
        Ok(_) => step.end(Outcome::Done),
    }
}

async fn persist(task: &mut Task, held: Held, way: &'static str) {
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
                PERSIST_OVER_FULL => &[
                    ErrorKind::DirectoryNotEmpty,
                    ErrorKind::AlreadyExists,
                    ErrorKind::PermissionDenied,
                ],
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

/// Two that are to have the same name: one gets it, whole.
async fn rivals(task: &mut Task) {
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
    let won = match (one, other) {
        (Ok(_), Err(error)) => Some((of_one, error)),
        (Err(error), Ok(_)) => Some((of_other, error)),
        _ => None,
    };
    match won {
        Some((won, error)) => {
            world.expect(target, vec![won], false);
            let kinds = [
                ErrorKind::DirectoryNotEmpty,
                ErrorKind::AlreadyExists,
                ErrorKind::PermissionDenied,
            ];
            task.failed(step, error.error(), &kinds);
        }
        None => step.violation("not exactly one of two got the name"),
    }
}

async fn close(task: &mut Task, held: Held) {
    let exact = held.exact();
    let options = task.rng.bool();
    let step = task.begin(if options { CLOSE_OPTIONS } else { CLOSE }, held.label());
    let path = held.path().to_path_buf();
    let (dir, _) = held.into_dir();
    let last = Arc::new(AtomicU64::new(0));
    let closing = match options {
        false => dir.close(),
        true => dir.close().max_threads(task.rng.usize(..5)).on_progress({
            let last = Arc::clone(&last);
            move |removed| last.store(removed.files + removed.dirs, Ordering::SeqCst)
        }),
    };
    let removed = match closing.await {
        Ok(removed) => removed,
        Err(error) => return step.violation(error),
    };
    let told = last.load(Ordering::SeqCst);
    if path.exists() {
        step.violation("it returned, and the directory is there");
    } else if exact.is_some_and(|known| known.entries() != removed) {
        step.violation(format!("it says {removed:?}"));
    } else if options && told != removed.files + removed.dirs {
        step.violation(format!("progress ended at {told}, but it was {removed:?}"));
    } else {
        step.end(Outcome::Done);
    }
}

async fn close_panic(task: &mut Task, held: Held) {
    let step = task.begin(CLOSE_PANIC, held.label());
    let path = held.path().to_path_buf();
    let world = Arc::clone(&task.world);
    let progress = move |_: Removed| world.provoke();
    let closing = held.into_dir().0.close().on_progress(progress);
    match AssertUnwindSafe(closing.into_future()).catch_unwind().await {
        Err(panic) if panic.is::<Provoked>() && !path.exists() => step.end(Outcome::Panicked),
        Err(panic) if panic.is::<Provoked>() => step.violation("the directory is there"),
        Err(_) => step.violation("another panic comes out"),
        Ok(result) => step.violation(format!("no panic comes out, but {result:?}")),
    }
}

async fn close_midway(task: &mut Task, held: Held) {
    let step = task.begin(CLOSE_MIDWAY, held.label());
    let cut = Cut::some(&mut task.rng);
    match cut.apply(held.into_dir().0.close().into_future()).await {
        Some(Ok(_)) => step.end(Outcome::Done),
        Some(Err(error)) => step.violation(error),
        None => step.end(Outcome::Cancelled),
    }
}

/// Several tasks, some of them aborted, in one directory, whose last holder removes it.
async fn shared(task: &mut Task) {
    let Some(held) = create(task).await else {
        return;
    };
    let step = task.begin(SHARED, held.label());
    let held = held.shared();
    let tasks: Vec<_> = (0..task.rng.usize(2..6))
        .map(|n| {
            let (held, mut task) = (Arc::clone(&held), task.fork(n));
            let live = Live::new(&task.world);
            tokio::spawn(async move {
                // Dropped in the order opposite to this, and what is only captured after that.
                let _live = live;
                let held = held;
                let steps = task.rng.usize(..6);
                fill(&mut task, &held, steps, false).await;
            })
        })
        .collect();
    if task.rng.u8(..4) == 0 {
        // They have it, and go on.
        return step.end(Outcome::Done);
    }
    for task_of_it in &tasks {
        if task.rng.u8(..5) == 0 {
            task_of_it.abort();
        }
    }
    for ended in future::join_all(tasks).await {
        if let Err(error) = ended
            && error.is_panic()
        {
            return step.violation("a task panicked");
        }
    }
    step.end(Outcome::Done);
    match Arc::try_unwrap(held) {
        Ok(mut held) => {
            held.no_longer_shared();
            close(task, held).await;
        }
        Err(_) => task.world.record.violation("an ended task has a handle"),
    }
}

/// One inside the other.
async fn family(task: &mut Task) {
    let Some(mut parent) = create(task).await else {
        return;
    };
    fill(task, &parent, 2, false).await;
    parent.has_children();
    let step = task.begin(CHILD, parent.label());
    let child = parent.dir().temp_dir().await;
    let Some(child) = task.done(step, child) else {
        return;
    };
    let child = born(task, child, Cleanup::Always, parent.path(), 0o700);
    let steps = task.rng.usize(..4);
    fill(task, &child, steps, false).await;
    let what = format!("{} in {}", child.label(), parent.label());
    match task.rng.u8(..6) {
        0 | 1 => {
            let step = task.begin(PARENT_FIRST, what);
            let path = parent.path().to_path_buf();
            drop(parent);
            // It waits for the child, which can be worked in.
            fill(task, &child, steps, false).await;
            if path.is_dir() && child.path().is_dir() {
                step.end(Outcome::Done);
            } else {
                step.violation("the parent did not wait");
            }
            ends(task, child).await;
        }
        2 => {
            let step = task.begin(PARENT_CLOSES, what);
            let path = child.path().to_path_buf();
            let (parent, _) = parent.into_dir();
            let (child, _) = child.into_dir();
            if let Err(error) = parent.close().await {
                return step.violation(error);
            }
            let written = child.write("f", "x").await;
            task.refused(step, written, &[ErrorKind::NotFound]);
            if path.exists() {
                task.world
                    .record
                    .violation(format!("{path:?} is there again"));
            }
            drop(child);
        }
        3 => {
            let step = task.begin(CHILD_KEPT, what);
            let path = child.into_dir().0.keep();
            fill(task, &parent, 2, false).await;
            if path.is_dir() {
                step.end(Outcome::Done);
            } else {
                step.violation("it was kept");
            }
            // Which goes with the one around it.
            ends(task, parent).await;
        }
        4 => {
            let step = task.begin(PERSIST_BUSY, what);
            let (dir, known) = parent.into_dir();
            let target = task.world.name("published");
            let target = task.world.places.published.join(target);
            match dir.persist(&target).await {
                Ok(_) => step.violation("a child is held, and it was published"),
                Err(error) => {
                    task.failed(step, error.error(), &[ErrorKind::ResourceBusy]);
                    let mut parent = Held::again(task, error.into_dir(), known);
                    parent.has_children();
                    drop(child);
                    ends(task, parent).await;
                }
            }
        }
        _ => {
            ends(task, child).await;
            ends(task, parent).await;
        }
    }
}

async fn ends(task: &mut Task, held: Held) {
    match task.rng.u8(..3) {
        0 => drop(held),
        1 => close_midway(task, held).await,
        _ => close(task, held).await,
    }
}

async fn scope(task: &mut Task) {
    let panics = task.rng.u8(..3) == 0;
    let step = task.begin(if panics { SCOPE_PANIC } else { SCOPE }, "");
    let mut at = PathBuf::new();
    let world = Arc::clone(&task.world);
    let scoped = AssertUnwindSafe(AsyncTempDir::scope(async |dir| {
        at = dir.path().to_path_buf();
        let text = format!("{at:?}");
        dir.write("a/b", text.clone()).await?;
        dir.populate((0..50).map(|n| (format!("c/{n}"), "x")))
            .await?;
        if panics {
            world.provoke();
        }
        let read = dir.read_to_string("a/b").await?;
        Ok::<_, std::io::Error>(read == text && at.is_dir())
    }));
    let outcome = Cut::seldom(&mut task.rng)
        .apply(scoped.catch_unwind())
        .await;
    let Some(outcome) = outcome else {
        return step.end(Outcome::Cancelled);
    };
    if at != PathBuf::new() && at.exists() {
        return step.violation(format!("it returned, and {at:?} is there"));
    }
    match outcome {
        Err(panic) if panics && panic.is::<Provoked>() => step.end(Outcome::Panicked),
        Err(_) => step.violation("another panic comes out"),
        Ok(Ok(Ok(false))) => step.violation("other text than was written"),
        Ok(Ok(inner)) => _ = task.done(step, inner),
        Ok(outer) => _ = task.done(step, outer.map(drop)),
    }
}

/// Many at once: more than there are threads.
async fn burst(task: &mut Task) {
    let n = task.rng.usize(10..80);
    let step = task.begin(BURST, n);
    let work = task.world.places.work.clone();
    let made = future::join_all((0..n).map(|_| AsyncTempDir::new_in(&work))).await;
    let mut dirs = Vec::new();
    for dir in made {
        match dir {
            Ok(dir) => dirs.push(Held::new(task, dir, Cleanup::Always)),
            Err(error) => return task.failed(step, &error, &[]),
        }
    }
    future::join_all(dirs.iter().map(|held| {
        held.know(|known| known.doubt(Path::new("a/b")));
        held.dir().write("a/b", "x")
    }))
    .await;
    drop(dirs);
    step.end(Outcome::Done);
}

/// A root, with directories in it, while others open theirs and take back what was left.
async fn root(task: &mut Task) {
    let app = APPS[task.rng.usize(..APPS.len())];
    let step = task.begin(ROOT_OPEN, app);
    let root = TempRoot::open_in(app, &task.world.places.roots).await;
    let Some(root) = task.done(step, root) else {
        return;
    };
    let mut dirs = Vec::new();
    for _ in 0..task.rng.usize(..4) {
        let step = task.begin(CHILD, root.path().display());
        let dir = root.temp_dir().await;
        let Some(dir) = task.done(step, dir) else {
            return;
        };
        let dir = born(task, dir, Cleanup::Always, root.path(), 0o700);
        let steps = task.rng.usize(..4);
        fill(task, &dir, steps, false).await;
        dirs.push(dir);
    }
    if task.rng.bool() {
        let step = task.begin(RECLAIMED, root.path().display());
        let reclaimed = root.reclaimed().await;
        if let Some(failure) = reclaimed.failures().first() {
            step.violation(failure);
        } else if let Some(refused) = reclaimed.refused() {
            let refused = std::io::Error::new(refused.kind(), refused.to_string());
            task.failed(step, &refused, &[]);
        } else {
            step.end(Outcome::Done);
        }
    }
    let path = root.path().to_path_buf();
    match task.rng.u8(..4) {
        0 => {
            // Before the directories in it, for which it waits.
            let step = task.begin(ROOT_DROP, path.display());
            drop(root);
            for dir in &dirs {
                write(task, dir).await;
            }
            step.end(Outcome::Done);
        }
        1 => {
            let step = task.begin(ROOT_DROP, path.display());
            drop(dirs);
            drop(root);
            step.end(Outcome::Done);
        }
        _ => {
            let step = task.begin(ROOT_CLOSE, path.display());
            match root.close().await {
                Err(error) => step.violation(error),
                Ok(_) if path.exists() => step.violation("it returned, and the root is there"),
                Ok(_) => step.end(Outcome::Done),
            }
        }
    }
}
