//! Moves a directory back from its target, unless another process has replaced it there meanwhile.

use std::io;
use std::path::Path;

use super::Publication;
use super::replace::{Replaced, replace};
use crate::sys::{self, Identity};

impl Publication {
    /// Moves the directory back to `from`, and the directory `old` that it has replaced to the target,
    /// after `error`, which is returned.
    ///
    /// If another process has replaced the directory at the target by now, it was published, and what
    /// that process has put there remains. Then this returns the directory that is at `from` or
    /// beside the target, if there is one.
    pub(super) fn undo(
        &self,
        from: &Path,
        identity: &Identity,
        old: Option<Replaced>,
        discard: &dyn Fn(Replaced),
        error: io::Error,
    ) -> io::Result<Option<Replaced>> {
        let undone = match old {
            Some(old) => self.exchange_back(from, identity, old, discard),
            None => self.rename_back(from, identity),
        };
        match undone {
            Ok(Undone::IsBack) => Err(error),
            Ok(Undone::WasReplaced(old)) => Ok(old),
            Err(second) => {
                let message = format!("{error}; {second}");
                Err(io::Error::new(error.kind(), message))
            }
        }
    }

    fn rename_back(&self, from: &Path, identity: &Identity) -> Result<Undone, String> {
        let target = &self.target;
        let rename = || sys::rename_new(target, from);
        match sys::lend_right_to_move(target, identity, rename) {
            Err(_) if sys::is_gone(target, identity) => return Ok(Undone::WasReplaced(None)),
            renamed => renamed.map_err(at_target)?,
        }
        if !sys::is_gone(from, identity) {
            return Ok(Undone::IsBack);
        }
        match sys::rename_new(from, target) {
            Ok(()) => Ok(Undone::WasReplaced(None)),
            Err(error) => Err(of_another(from, error)),
        }
    }

    fn exchange_back(
        &self,
        from: &Path,
        identity: &Identity,
        old: Replaced,
        discard: &dyn Fn(Replaced),
    ) -> Result<Undone, String> {
        let put_at_target = |dir: &Replaced| {
            sys::lend_right_to_move(&dir.path, &dir.identity, || {
                replace(&dir.path, &dir.identity, &self.target, discard)
            })
        };
        let back = match put_at_target(&old) {
            Err(_) if sys::is_gone(&self.target, identity) => {
                return Ok(Undone::WasReplaced(Some(old)));
            }
            back => back.map_err(|error| {
                let message = at_target(error);
                format!("{message}; what it has replaced is at {:?}", old.path)
            })?,
        };
        let Some(mut back) = back else {
            return Err("it was moved away from the target meanwhile".into());
        };
        if back.identity == *identity {
            if back.path != from {
                let rename = || sys::rename_new(&back.path, from);
                sys::lend_right_to_move(&back.path, identity, rename).map_err(|error| {
                    let path = &back.path;
                    format!("it is at {path:?}, and could not be moved back: {error}")
                })?;
            }
            return Ok(Undone::IsBack);
        }
        // Until it comes back, what was put there last has been replaced by other processes, too.
        let mut put = old.identity;
        loop {
            let next = put_at_target(&back).map_err(|error| of_another(&back.path, error))?;
            match next {
                Some(next) if next.identity != put => {
                    put = back.identity;
                    back = next;
                }
                old => return Ok(Undone::WasReplaced(old)),
            }
        }
    }
}

enum Undone {
    IsBack,
    /// The directory was published, and replaced by another process. Contains the one that the
    /// caller now takes charge of.
    WasReplaced(Option<Replaced>),
}

fn at_target(error: io::Error) -> String {
    format!("it is at the target, and could not be moved back: {error}")
}

/// Returns the message for a directory of another process that was moved, and is at `path`.
fn of_another(path: &Path, error: io::Error) -> String {
    format!(
        "another process has replaced it at the target, and what that put there is at {path:?}, and \
         could not be moved back: {error}"
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::owned::publish::NewPermissions;

    struct Case {
        outer: tempfile::TempDir,
        publication: Publication,
    }

    impl Case {
        /// Creates a directory with a file of its name in it for each of the `names`.
        fn new(names: &[&str]) -> Self {
            let outer = tempfile::tempdir().unwrap();
            for name in names {
                fs::create_dir(outer.path().join(name)).unwrap();
                fs::write(outer.path().join(name).join(name), "").unwrap();
            }
            let publication = Publication {
                target: outer.path().join("target"),
                replaces: true,
                syncs: true,
                permissions: NewPermissions::Unchanged,
                cancelled: Default::default(),
            };
            Self { outer, publication }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.outer.path().join(name)
        }

        fn identity(&self, name: &str) -> Identity {
            Identity::of_path(&self.path(name)).unwrap().unwrap()
        }

        fn rename(&self, from: &str, to: &str) {
            fs::rename(self.path(from), self.path(to)).unwrap();
        }

        /// Undoes the publication of the directory `new` from the path `from`.
        fn undo(&self, new: Identity, old: Option<Replaced>) -> io::Result<Option<Replaced>> {
            let discard = |_| panic!("nothing is replaced meanwhile");
            let error = io::Error::other("not synced");
            let from = self.path("from");
            self.publication.undo(&from, &new, old, &discard, error)
        }

        /// Asserts that the paths have the directories with these names, and there are no others.
        fn check(self, expected: &[(&str, &str)]) {
            for (path, name) in expected {
                assert!(self.path(path).join(name).exists(), "{path} is {name}");
            }
            assert_eq!(
                self.outer.path().read_dir().unwrap().count(),
                expected.len()
            );
        }
    }

    fn replaced(case: &Case, path: &str) -> Replaced {
        Replaced {
            path: case.path(path),
            identity: case.identity(path),
        }
    }

    #[test]
    fn each_is_where_the_other_was() {
        for old_path in ["from", "aside"] {
            let case = Case::new(&["new", "old"]);
            let new = case.identity("new");
            case.rename("new", "target");
            case.rename("old", old_path);
            let undone = case.undo(new, Some(replaced(&case, old_path)));
            assert_eq!(undone.err().unwrap().to_string(), "not synced");
            case.check(&[("from", "new"), ("target", "old")]);
        }
        let case = Case::new(&["new"]);
        let new = case.identity("new");
        case.rename("new", "target");
        let undone = case.undo(new, None);
        assert_eq!(undone.err().unwrap().to_string(), "not synced");
        case.check(&[("from", "new")]);
    }

    #[test]
    fn what_another_process_has_put_at_the_target_stays_there() {
        for old_path in ["from", "aside"] {
            let case = Case::new(&["new", "old", "theirs"]);
            let new = case.identity("new");
            case.rename("theirs", "target");
            case.rename("old", old_path);
            let old = replaced(&case, old_path);
            let identity = old.identity;
            let old = case.undo(new, Some(old)).unwrap().unwrap();
            assert_eq!(old.identity, identity);
            assert_eq!(old.path, case.path(old_path));
            case.check(&[("new", "new"), ("target", "theirs"), (old_path, "old")]);
        }
        let case = Case::new(&["new", "theirs"]);
        let new = case.identity("new");
        case.rename("theirs", "target");
        assert!(case.undo(new, None).unwrap().is_none());
        case.check(&[("new", "new"), ("target", "theirs")]);
    }

    #[test]
    fn a_file_at_the_target_stays_there() {
        let case = Case::new(&["new", "old"]);
        let new = case.identity("new");
        case.rename("old", "from");
        fs::write(case.path("target"), "theirs").unwrap();
        let old = replaced(&case, "from");
        let identity = old.identity;
        let old = case.undo(new, Some(old)).unwrap().unwrap();
        assert_eq!(old.identity, identity);
        assert_eq!(fs::read(case.path("target")).unwrap(), b"theirs");
        fs::remove_file(case.path("target")).unwrap();
        case.check(&[("new", "new"), ("from", "old")]);
    }

    #[test]
    fn what_is_nowhere_any_more_is_said_to_be() {
        let case = Case::new(&["new", "old"]);
        let new = case.identity("new");
        case.rename("old", "from");
        let old = replaced(&case, "from");
        let error = case.undo(new, Some(old)).err().unwrap();
        assert_eq!(
            error.to_string(),
            "not synced; it was moved away from the target meanwhile"
        );
        case.check(&[("new", "new"), ("target", "old")]);
    }
}
