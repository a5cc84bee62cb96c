//! Files of Tokio's, opened in all ways.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{at, content, fresh};
use crate::held::Held;
use crate::manifest::Content;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[OPEN, CREATE, CREATE_NEW, APPEND];

const OPEN: &str = "open";
const CREATE: &str = "create";
const CREATE_NEW: &str = "create_new";
const APPEND: &str = "append";

pub(super) async fn open(task: &mut Task, held: &Held) {
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

pub(super) async fn create(task: &mut Task, held: &Held) {
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

pub(super) async fn append(task: &mut Task, held: &Held) {
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
