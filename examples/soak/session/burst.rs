//! More directories at once than there are threads.

use std::io;
use std::path::Path;

use async_tempdir::{AsyncTempDir, Cleanup};
use futures::future;

use crate::held::Held;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[BURST];

const BURST: &str = "many created and dropped at once";

/// Many at once: more than there are threads.
pub(super) async fn burst(task: &mut Task) {
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
    let written = future::join_all(dirs.iter().map(|held| {
        held.know(|known| known.doubt(Path::new("a/b")));
        held.dir().write("a/b", "x")
    }))
    .await;
    drop(dirs);
    task.done(step, written.into_iter().collect::<io::Result<Vec<_>>>());
}
