//! Temporary files in the directory, which go when their handles do.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};

use super::content;
use crate::held::Held;
use crate::record::Outcome;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[TEMP_FILE];

const TEMP_FILE: &str = "temp_file";

pub(super) async fn temp_file(task: &mut Task, held: &Held) {
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
    let used = using.await;
    if used.is_err() {
        // Whatever it had made by then is removed in the background: in the directory, it is still
        // under way.
        held.begins();
    }
    match used {
        Ok(bytes) if bytes != content.bytes() => step.violation("other bytes than were written"),
        // What opens it takes a refused look for a missing file.
        Err(error) if task.home.is_ending() && error.kind() == ErrorKind::NotFound => {
            step.end(Outcome::ShutDown);
        }
        result => _ = task.done(step, result),
    }
}
