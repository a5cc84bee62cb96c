//! Symlinks and permissions that mislead removal, or stop it.

use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use super::{at, fresh};
use crate::held::Held;
use crate::world::Task;

pub(super) const ROWS: &[&str] = &[SYMLINK, THROUGH_LINK, RIGHTS];

const SYMLINK: &str = "symlinks planted";
const THROUGH_LINK: &str = "write: through a symlink to the outside";
const RIGHTS: &str = "rights taken away";

pub(super) async fn hostile(task: &mut Task, held: &Held) {
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
        // It stays in doubt: no check looks for anything there.
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
