//! The link to the root of the current run. It is for people: no code depends on it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::name::{RootName, Stage};
use crate::sys;

fn link_in(parent: &Path, app: &str) -> PathBuf {
    parent.join(format!("{app}-current"))
}

/// Makes the link lead to the root `name`, unless its path is taken by something else. The caller holds
/// the lock of the directory.
pub(super) fn set(parent: &Path, app: &str, name: &RootName) -> io::Result<()> {
    let link = link_in(parent, app);
    match target(&link, app) {
        Ok(Some(current)) if current == *name => return Ok(()),
        Ok(Some(_)) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // It is not such a link.
        Ok(None) => return Ok(()),
        Err(error) => return Err(error),
    }
    // Always the same name, so that killed processes leave at most one.
    let new = parent.join(format!(".{app}-current.new"));
    if let Ok(Some(_)) = sys::read_pointer(&new) {
        fs::remove_file(&new)?;
    }
    sys::create_pointer(&new, name.at(Stage::Root).as_ref())?;
    fs::rename(&new, &link).inspect_err(|_| _ = fs::remove_file(&new))
}

/// Removes the link if it leads to the root `name`. The caller holds the lock of the directory.
pub(super) fn clear(parent: &Path, app: &str, name: &RootName) {
    if leads_to(parent, app, name) {
        let _ = fs::remove_file(link_in(parent, app));
    }
}

/// Returns whether the link leads to the root `name`.
pub(super) fn leads_to(parent: &Path, app: &str, name: &RootName) -> bool {
    target(&link_in(parent, app), app).is_ok_and(|current| current.as_ref() == Some(name))
}

/// Returns the root that the link leads to, or `None` if it is not such a link.
fn target(link: &Path, app: &str) -> io::Result<Option<RootName>> {
    let name = sys::read_pointer(link)?;
    let parsed = name.and_then(|name| RootName::parse(app, &name));
    Ok(parsed.and_then(|(name, stage)| (stage == Stage::Root).then_some(name)))
}
