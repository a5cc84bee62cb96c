//! What is done in a directory.
//!
//! The operations stand in files by what they are about; what they share is here.

mod dirs;
#[cfg(unix)]
mod hostile;
mod look;
mod open;
mod populate;
mod read;
mod remove;
mod stream;
mod temp_file;
mod write;

use std::path::{Path, PathBuf};

use crate::chance::{Cut, size};
use crate::held::Held;
use crate::manifest::Content;
use crate::world::Task;
use dirs::{create_dir, create_dir_all};
#[cfg(unix)]
use hostile::hostile;
use look::{exists, list, tree, usage};
use open::{append, create, open};
use populate::{copy_from, populate, populate_wide};
use read::{read, read_to_string};
use remove::{remove, remove_tree};
use stream::{stream_fails, stream_midway, write_stream};
use temp_file::temp_file;
use write::{escape, overwrite, write_panic};

pub(crate) use write::write;

pub(crate) const ROWS: &[&[&str]] = &[
    dirs::ROWS,
    #[cfg(unix)]
    hostile::ROWS,
    look::ROWS,
    open::ROWS,
    populate::ROWS,
    read::ROWS,
    remove::ROWS,
    stream::ROWS,
    temp_file::ROWS,
    write::ROWS,
];

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
        53 => list(task, held).await,
        54 => copy_from(task, held).await,
        55 => usage(task, held).await,
        56 => tree(task, held).await,
        57..59 => temp_file(task, held).await,
        59..61 => escape(task, held).await,
        _ if kept => write(task, held).await,
        #[cfg(unix)]
        _ => hostile(task, held).await,
        #[cfg(not(unix))]
        _ => write(task, held).await,
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
