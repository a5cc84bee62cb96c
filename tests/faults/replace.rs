//! Replacing a directory: whatever fails, the target is the old one or the new one, whole.

use std::fs;
use std::path::Path;

use async_tempdir::{AsyncTempDir, cleanup};

use crate::case::Case;
use crate::process::{available, disturbed};

/// Puts a directory that is made in `place` at the name `target`, in the process whose calls fail.
pub(crate) async fn job(place: &Path) {
    let dir = match AsyncTempDir::new_in(place).await {
        Ok(dir) => dir,
        Err(error) => return println!("not created {error}"),
    };
    let files = ["new", "x", "a/1", "b/1", "c/1"].map(|path| (path, "x"));
    if let Err(error) = dir.populate(files).await {
        return println!("not filled {error}");
    }
    let replacing = dir.replace(place.join("target"));
    match replacing.default_permissions().sync(true).await {
        Ok(old) => drop(old),
        Err(error) => {
            println!("not replaced {error}");
            drop(error);
        }
    }
    cleanup::idle().await;
}

#[test]
fn a_target_is_the_old_directory_or_the_new_one() {
    if !available() {
        return;
    }
    const RENAME: &str = "?rename,?renameat";
    let none = "renameat2:error=ENOSYS";
    let mut faults = Vec::new();
    for when in ["1", "2", "1+"] {
        for error in ["EIO", "EINVAL", "ENOSYS", "EACCES", "EBUSY", "EXDEV"] {
            faults.push(format!("renameat2:error={error}:when={when}"));
        }
        for call in ["syncfs", "fsync", "?chmod,fchmodat", "?mkdir,mkdirat"] {
            faults.push(format!("{call}:error=EIO:when={when}"));
        }
        for error in ["EIO", "ENOSPC"] {
            faults.push(format!("{none};{RENAME}:error={error}:when={when}"));
        }
        // Published as a copy.
        for call in ["?mkdir,mkdirat", "openat", "copy_file_range", "syncfs"] {
            faults.push(format!(
                "renameat2:error=EXDEV:when=1;{call}:error=ENOSPC:when={when}"
            ));
        }
    }
    let (mut replaced, mut refused) = (0, 0);
    for faults in &faults {
        let case = Case::new(|dir| {
            fs::create_dir(dir.join("target")).unwrap();
            fs::write(dir.join("target/old"), "").unwrap();
        });
        if let Some(report) = disturbed("replace", &case.tree, faults) {
            let target = case.tree.join("target");
            let entries = fs::read_dir(&target).unwrap().count();
            let is_new = target.join("new").exists();
            assert_eq!(entries, if is_new { 5 } else { 1 }, "{faults}: it is whole");
            assert_eq!(target.join("old").exists(), !is_new, "{faults}");
            assert_eq!(report.not_created.is_none(), is_new, "{faults}: {report:?}");
            let count = if is_new { &mut replaced } else { &mut refused };
            *count += 1;
            let left = fs::read_dir(&case.tree).unwrap().count();
            assert_eq!(left, 1, "{faults}: nothing else is left: {report:?}");
        }
        case.end(faults);
    }
    assert!(replaced > 9 && refused > 9, "{replaced} and {refused}");
}
