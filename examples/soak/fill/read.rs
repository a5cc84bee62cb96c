//! Files read whole, which hold what was written to them.

use std::io::ErrorKind;

use super::at;
use crate::held::Held;
use crate::record::Outcome;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[READ, READ_TO_STRING];

const READ: &str = "read";
const READ_TO_STRING: &str = "read_to_string";

pub(super) async fn read(task: &mut Task, held: &Held) {
    let Some((path, content)) = held.some_file(&mut task.rng) else {
        return;
    };
    let step = task.begin(READ, at(held, &path));
    match held.dir().read(&path).await {
        Ok(bytes) if bytes != content.bytes() => step.violation("other bytes than were written"),
        result => _ = task.done(step, result),
    }
}

pub(super) async fn read_to_string(task: &mut Task, held: &Held) {
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
