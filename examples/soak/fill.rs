//! What is done in a directory.

use std::io::{self, ErrorKind};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{FutureExt, StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use crate::chance::{Cut, size};
use crate::held::Held;
use crate::manifest::Content;
use crate::record::Outcome;
use crate::world::{Provoked, Task, World};

pub(crate) const ROWS: &[&str] = &[
    WRITE,
    OVERWRITE,
    WRITE_PANIC,
    READ,
    READ_TO_STRING,
    OPEN,
    CREATE,
    CREATE_NEW,
    APPEND,
    POPULATE,
    POPULATE_WIDE,
    STREAM,
    STREAM_OVER,
    STREAM_FAILS,
    STREAM_PANICS,
    CREATE_DIR,
    CREATE_DIR_ALL,
    DEEP,
    EXISTS,
    REMOVE,
    REMOVE_TREE,
    LIST,
    TEMP_FILE,
    ESCAPE,
];
/// What there is on Unix only.
pub(crate) const ROWS_OF_UNIX: &[&str] = &[SYMLINK, THROUGH_LINK, RIGHTS];

const WRITE: &str = "write";
const OVERWRITE: &str = "write: over a file";
const WRITE_PANIC: &str = "write: the contents panic";
const READ: &str = "read";
const READ_TO_STRING: &str = "read_to_string";
const OPEN: &str = "open";
const CREATE: &str = "create";
const CREATE_NEW: &str = "create_new";
const APPEND: &str = "append";
const POPULATE: &str = "populate";
const POPULATE_WIDE: &str = "populate: hundreds in one directory";
const STREAM: &str = "write_stream";
const STREAM_OVER: &str = "write_stream: over a file";
const STREAM_FAILS: &str = "write_stream: the stream fails";
const STREAM_PANICS: &str = "write_stream: the stream panics";
const CREATE_DIR: &str = "create_dir";
const CREATE_DIR_ALL: &str = "create_dir_all";
const DEEP: &str = "create_dir_all: up to 150 levels";
const EXISTS: &str = "try_exists";
const REMOVE: &str = "remove: a file";
const REMOVE_TREE: &str = "remove: a directory";
const LIST: &str = "list";
const TEMP_FILE: &str = "temp_file";
const ESCAPE: &str = "write: by .. or absolute";
const SYMLINK: &str = "symlinks planted";
const THROUGH_LINK: &str = "write: through a symlink to the outside";
const RIGHTS: &str = "rights taken away";

/// Fills the directory with this and that. `kept` says that it may stay when its time ends.
pub(crate) async fn fill(task: &mut Task, held: &Held, steps: usize, kept: bool) {
    for _ in 0..steps {
        let cut = Cut::seldom(&mut task.rng);
        held.begins();
        if cut.apply(step(task, held, kept)).await.is_some() {
            held.has_ended();
        }
    }
}

async fn step(task: &mut Task, held: &Held, kept: bool) {
    match task.rng.u8(..64) {
        0..7 => write(task, held).await,
        7..10 => stream_midway(task, held).await,
        10..13 => overwrite(task, held).await,
        13 => write_panic(task, held).await,
        14..18 => read(task, held).await,
        18..20 => read_to_string(task, held).await,
        20..22 => open(task, held).await,
        22..25 => create(task, held).await,
        25..27 => append(task, held).await,
        27..32 => populate(task, held).await,
        32 => populate_wide(task, held).await,
        33..37 => write_stream(task, held).await,
        37..39 => stream_fails(task, held, false).await,
        39 => stream_fails(task, held, true).await,
        40..43 => create_dir(task, held).await,
        43..46 => create_dir_all(task, held, 4).await,
        46 => create_dir_all(task, held, 150).await,
        47..49 => exists(task, held).await,
        49..51 => remove(task, held).await,
        51..53 => remove_tree(task, held).await,
        53..56 => list(task, held).await,
        56..59 => temp_file(task, held).await,
        59..61 => escape(task, held).await,
        _ if kept => write(task, held).await,
        _ => hostile(task, held).await,
    }
}

fn fresh(task: &mut Task, held: &Held, kind: char) -> PathBuf {
    held.know(|known| {
        let above = known.some_dir(&mut task.rng);
        // Deep ones are for removal, not for more of the same.
        let above = match above.components().count() {
            ..8 => above,
            _ => PathBuf::new(),
        };
        let above = match task.rng.u8(..3) {
            // Where nothing is yet.
            0 => above.join(known.name('n')),
            _ => above,
        };
        above.join(known.name(kind))
    })
}

fn content(task: &mut Task) -> Content {
    let len = size(&mut task.rng);
    Content::new(task.rng.u64(..), len)
}

fn at(held: &Held, path: &Path) -> String {
    format!("{} {}", held.label(), path.display())
}

pub(crate) async fn write(task: &mut Task, held: &Held) {
    let (path, content) = (fresh(task, held, 'f'), content(task));
    let step = task.begin(WRITE, at(held, &path));
    held.know(|known| known.doubt(&path));
    let written = held.dir().write(&path, content.bytes()).await;
    if let Some(absolute) = task.done(step, written) {
        held.know(|known| known.file(&path, content));
        if absolute != held.path().join(&path) {
            let record = &task.world.record;
            record.violation(format!("write returned {absolute:?} for {path:?}"));
        }
    }
}

async fn overwrite(task: &mut Task, held: &Held) {
    let Some((path, _)) = held.some_file(&mut task.rng) else {
        return;
    };
    let content = content(task);
    let step = task.begin(OVERWRITE, at(held, &path));
    held.know(|known| known.doubt(&path));
    let written = held.dir().write(&path, content.bytes()).await;
    if task.done(step, written).is_some() {
        held.know(|known| known.file(&path, content));
    }
}

/// Contents that panic when they are looked at, on whichever thread that is.
struct Explosive(Arc<World>);

impl AsRef<[u8]> for Explosive {
    fn as_ref(&self) -> &[u8] {
        self.0.provoke()
    }
}

async fn write_panic(task: &mut Task, held: &Held) {
    let path = fresh(task, held, 'f');
    let step = task.begin(WRITE_PANIC, at(held, &path));
    held.know(|known| known.doubt(&path));
    let explosive = Explosive(Arc::clone(&task.world));
    let writing = AssertUnwindSafe(held.dir().write(&path, explosive));
    match writing.catch_unwind().await {
        Err(panic) if panic.is::<Provoked>() => step.end(Outcome::Panicked),
        Err(_) => step.violation("another panic comes out"),
        Ok(result) => {
            // Where the pool is gone, nobody looks at them.
            task.refused(step, result, &[]);
        }
    }
}

async fn read(task: &mut Task, held: &Held) {
    let Some((path, content)) = held.some_file(&mut task.rng) else {
        return;
    };
    let step = task.begin(READ, at(held, &path));
    match held.dir().read(&path).await {
        Ok(bytes) if bytes != content.bytes() => step.violation("other bytes than were written"),
        result => _ = task.done(step, result),
    }
}

async fn read_to_string(task: &mut Task, held: &Held) {
    let Some((path, content)) = held.some_file(&mut task.rng) else {
        return;
    };
    let step = task.begin(READ_TO_STRING, at(held, &path));
    let text = held.dir().read_to_string(&path).await;
    match (text, String::from_utf8(content.bytes())) {
        (Ok(is), Ok(was)) if is == was => step.end(Outcome::Done),
        (Ok(_), _) => step.violation("another text than was written"),
        (error, Err(_)) => _ = task.refused(step, error, &[ErrorKind::InvalidData]),
        (error, Ok(_)) => _ = task.done(step, error),
    }
}

async fn open(task: &mut Task, held: &Held) {
    let Some((path, content)) = held.some_file(&mut task.rng) else {
        return;
    };
    let step = task.begin(OPEN, at(held, &path));
    let reading = async {
        let mut bytes = Vec::new();
        held.dir()
            .open(&path)
            .await?
            .read_to_end(&mut bytes)
            .await?;
        Ok(bytes)
    };
    match reading.await {
        Ok(bytes) if bytes != content.bytes() => step.violation("other bytes than were written"),
        result => _ = task.done(step, result),
    }
}

async fn create(task: &mut Task, held: &Held) {
    let (path, content) = (fresh(task, held, 'f'), content(task));
    let is_new = task.rng.bool();
    let step = task.begin(if is_new { CREATE_NEW } else { CREATE }, at(held, &path));
    held.know(|known| known.doubt(&path));
    let creating = async {
        let mut file = if is_new {
            held.dir().create_new(&path).await?
        } else {
            held.dir().create(&path).await?
        };
        for piece in content.pieces() {
            file.write_all(&piece).await?;
        }
        file.flush().await
    };
    let created = creating.await;
    if task.done(step, created).is_some() {
        held.know(|known| known.file(&path, content));
    }
}

async fn append(task: &mut Task, held: &Held) {
    let found = held.some_file(&mut task.rng);
    let (path, mut content) = match found {
        Some(found) if task.rng.u8(..4) > 0 => found,
        _ => (fresh(task, held, 'f'), Content::default()),
    };
    let step = task.begin(APPEND, at(held, &path));
    held.know(|known| known.doubt(&path));
    let more = Content::new(task.rng.u64(..), task.rng.usize(..3_000));
    let appending = async {
        let mut file = held.dir().append(&path).await?;
        file.write_all(&more.bytes()).await?;
        file.flush().await
    };
    let appended = appending.await;
    if task.done(step, appended).is_some() {
        content.append(more);
        held.know(|known| known.file(&path, content));
    }
}

async fn populate(task: &mut Task, held: &Held) {
    let files = task.rng.usize(..40);
    let files: Vec<_> = (0..files)
        .map(|_| (fresh(task, held, 'p'), content(task)))
        .collect();
    let step = task.begin(POPULATE, format!("{} {} files", held.label(), files.len()));
    populate_with(task, held, step, files).await;
}

async fn populate_wide(task: &mut Task, held: &Held) {
    let dir = fresh(task, held, 'w');
    let files = task.rng.u64(100..1_500);
    let files: Vec<_> = (0..files)
        .map(|n| (dir.join(n.to_string()), Content::new(n, 3)))
        .collect();
    let what = format!("{} {} files", at(held, &dir), files.len());
    let step = task.begin(POPULATE_WIDE, what);
    populate_with(task, held, step, files).await;
}

async fn populate_with(
    task: &Task,
    held: &Held,
    step: crate::record::Step,
    files: Vec<(PathBuf, Content)>,
) {
    held.know(|known| files.iter().for_each(|(path, _)| known.doubt(path)));
    let contents = files.iter().map(|(path, content)| (path, content.bytes()));
    let populated = held.dir().populate(contents).await;
    if task.done(step, populated).is_some() {
        held.know(|known| {
            for (path, content) in files {
                known.file(&path, content);
            }
        });
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

async fn write_stream(task: &mut Task, held: &Held) {
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
async fn stream_midway(task: &mut Task, held: &Held) {
    let cut = Cut::some(&mut task.rng);
    held.begins();
    if cut.apply(write_stream(task, held)).await.is_some() {
        held.has_ended();
    }
}

async fn stream_fails(task: &mut Task, held: &Held, by_panic: bool) {
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

async fn create_dir(task: &mut Task, held: &Held) {
    let path = fresh(task, held, 'd');
    let step = task.begin(CREATE_DIR, at(held, &path));
    held.know(|known| known.doubt(&path));
    let created = held.dir().create_dir(&path).await;
    if task.done(step, created).is_some() {
        held.know(|known| known.dir(&path));
    }
}

async fn create_dir_all(task: &mut Task, held: &Held, levels: usize) {
    let mut path = fresh(task, held, 'd');
    path.extend((0..task.rng.usize(..levels)).map(|_| "d"));
    let name = if levels > 100 { DEEP } else { CREATE_DIR_ALL };
    let step = task.begin(name, at(held, &path));
    held.know(|known| known.doubt(&path));
    let created = held.dir().create_dir_all(&path).await;
    if task.done(step, created).is_some() {
        held.know(|known| known.dir(&path));
    }
}

async fn exists(task: &mut Task, held: &Held) {
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

async fn remove(task: &mut Task, held: &Held) {
    let Some((path, _)) = held.some_file(&mut task.rng) else {
        return;
    };
    let step = task.begin(REMOVE, at(held, &path));
    held.know(|known| {
        // It stays, whatever becomes of what is in it.
        let above = path.parent().unwrap_or(Path::new(""));
        known.dir(above);
        known.doubt(&path);
    });
    let removed = held.dir().remove(&path).await;
    if task.done(step, removed).is_some() {
        held.know(|known| known.gone(&path));
    }
}

async fn remove_tree(task: &mut Task, held: &Held) {
    // One that nobody else puts anything into.
    let dir = PathBuf::from(held.know(|known| known.name('r')));
    let files: Vec<_> = (0..task.rng.usize(1..100))
        .map(|n| (dir.join(format!("{}/{n}", n % 7)), Content::new(1, 1)))
        .collect();
    let what = format!("{} {} files", at(held, &dir), files.len());
    let step = task.begin(POPULATE, &what);
    populate_with(task, held, step, files).await;
    let is_known = held.know(|known| known.has_files_in(&dir));
    if !is_known {
        return;
    }
    let step = task.begin(REMOVE_TREE, what);
    held.know(|known| known.doubt_tree(&dir));
    let removed = held.dir().remove(&dir).await;
    if task.done(step, removed).is_some() {
        held.know(|known| known.gone(&dir));
    }
}

async fn list(task: &mut Task, held: &Held) {
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
        // As somebody whom taken-away rights bind.
        Err(error) if before.is_none() => {
            task.failed(step, &error, &[ErrorKind::PermissionDenied]);
        }
        result => _ = task.done(step, result),
    }
}

async fn temp_file(task: &mut Task, held: &Held) {
    let step = task.begin(TEMP_FILE, held.label());
    let content = content(task);
    let later = task.rng.bool();
    let using = async {
        let mut file = held.dir().temp_file().await?;
        file.write_all(&content.bytes()).await?;
        file.flush().await?;
        file.rewind().await?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).await?;
        if later {
            file.drop_async().await;
        }
        Ok::<_, io::Error>(bytes)
    };
    match using.await {
        Ok(bytes) if bytes != content.bytes() => step.violation("other bytes than were written"),
        // What opens it takes a refused look for a missing file.
        Err(error) if task.home.is_ending() && error.kind() == ErrorKind::NotFound => {
            step.end(Outcome::ShutDown);
        }
        result => _ = task.done(step, result),
    }
}

async fn escape(task: &mut Task, held: &Held) {
    let path = match task.rng.u8(..3) {
        0 => PathBuf::from("../escaped"),
        1 => held.path().join("f1"),
        _ => PathBuf::from("a/../../escaped"),
    };
    let step = task.begin(ESCAPE, at(held, &path));
    let written = held.dir().write(&path, "x").await;
    // The last leads nowhere, unless there is an `a`.
    task.refused(
        step,
        written,
        &[ErrorKind::PermissionDenied, ErrorKind::NotFound],
    );
}

#[cfg(not(unix))]
async fn hostile(task: &mut Task, held: &Held) {
    write(task, held).await;
}

/// What somebody plants who wants removal to go astray, or stop.
#[cfg(unix)]
async fn hostile(task: &mut Task, held: &Held) {
    use std::os::unix::fs::{PermissionsExt, symlink};

    if task.rng.u8(..3) == 0 {
        let path = fresh(task, held, 'm');
        let step = task.begin(RIGHTS, at(held, &path));
        let mode = [0o000, 0o500, 0o600][task.rng.usize(..3)];
        held.know(|known| {
            known.bar();
            known.doubt(&path.join("f"));
        });
        let absolute = match held.dir().write(path.join("f"), "x").await {
            Ok(absolute) => absolute,
            Err(error) => return task.failed(step, &error, &[]),
        };
        let dir = absolute.parent().expect("it is in a directory");
        let done = std::fs::set_permissions(dir, std::fs::Permissions::from_mode(mode));
        // It stays in doubt: nobody looks for anything there.
        task.done(step, done);
        return;
    }
    let outside = &task.world.places.outside;
    let target = match task.rng.u8(..6) {
        0 => PathBuf::from("."),
        1 => PathBuf::from("missing"),
        2 => outside.join("file"),
        3 => PathBuf::from("../../outside"),
        _ => outside.clone(),
    };
    let path = PathBuf::from(held.know(|known| known.name('l')));
    let step = task.begin(SYMLINK, at(held, &path));
    // Not Tokio's, which would go on making it if the future were dropped.
    let planted = symlink(&target, held.path().join(&path));
    if task.done(step, planted).is_none() {
        return;
    }
    held.know(|known| known.link(&path));
    if target.is_absolute() {
        let path = if target.ends_with("file") {
            path
        } else {
            path.join("planted")
        };
        let step = task.begin(THROUGH_LINK, at(held, &path));
        let written = held.dir().write(&path, "x").await;
        task.refused(step, written, &[ErrorKind::PermissionDenied]);
    }
}
