//! The end of a root.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::root_lock::{RootLock, Run};
use super::search::Search;
use super::{index, link};
use crate::remove::{self, Options, Outcome, Removed};
use crate::sys::{self, Identity};

impl RootLock {
    /// Removes the root at `path`, and releases the lock.
    ///
    /// The root of a run stays while other processes use it. If something in it was kept, only the rest
    /// is removed.
    pub(crate) fn end(&self, path: &Path, identity: &Identity, options: Options) -> Outcome {
        let outcome = match &self.run {
            Some(run) => self.end_run(run, path, identity, options),
            None => {
                let path = self.rename_to_dead_name(path, identity).unwrap_or(path);
                self.remove(path, identity, options)
            }
        };
        // Any process may now try to remove what is left.
        self.unlock();
        outcome
    }

    fn end_run(&self, run: &Run, path: &Path, identity: &Identity, options: Options) -> Outcome {
        // A process that joins the run meanwhile waits, and then finds the root or does not.
        let dir_lock = sys::lock_dir(&run.parent);
        match self.record_rest(path, identity) {
            Ok(()) => {}
            // Another process has removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return nothing(),
            Err(error) => {
                // Nothing else tells other processes of the run, or later ones, that something was kept.
                self.remove_lock_file(path, identity);
                return Outcome::failed(path, explain(error));
            }
        }
        let kept = self.try_lock_alone(path).and_then(|is_alone| {
            // Otherwise, another process has removed it, or will, or it stays.
            let is_here = is_alone && !sys::is_gone(path, identity);
            let find = || match run.retain {
                0 => Ok(None),
                _ => index::kept(path),
            };
            is_here.then(find).transpose()
        });
        match kept {
            Ok(None) => nothing(),
            Ok(Some(None)) => {
                // If it cannot be renamed, it is removed where it is, or an error is reported.
                let path = match self.rename_to_dead_name(path, identity) {
                    // Where the lock cannot be held, another process may have joined.
                    Err(_) if !sys::DIRS_MAY_STAY_OPEN => return nothing(),
                    renamed => renamed.unwrap_or(path),
                };
                link::clear(&run.parent, &run.app, &self.name);
                drop(dir_lock);
                self.remove(path, identity, options)
            }
            Ok(Some(Some(spared))) => {
                drop(dir_lock);
                let options = Options {
                    spared: Some(Arc::new(spared)),
                    ..options
                };
                let outcome = remove::tree(path, Some(identity), options);
                self.unlock();
                // This run is now one of those that are retained.
                Search::of_other_runs(run, &self.name).finish();
                outcome
            }
            // Another process has removed it meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => nothing(),
            Err(error) => Outcome::failed(path, explain(error)),
        }
    }
}

fn nothing() -> Outcome {
    Outcome::from(Ok(Removed::default()))
}

fn explain(error: io::Error) -> io::Error {
    let message = format!("it stays, because it is unknown what was kept in it: {error}");
    io::Error::new(error.kind(), message)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;

    use super::super::create::{NewRoot, create_numbered};
    use super::*;

    fn keep_in(root: &NewRoot) {
        fs::create_dir(root.path.join("kept")).unwrap();
        root.lock.record_kept(&root.path, OsStr::new("kept"));
    }

    fn end(root: &NewRoot) {
        let outcome = root
            .lock
            .end(&root.path, &root.identity, Options::default());
        outcome.result.unwrap();
    }

    #[test]
    fn a_root_stays_for_good_if_what_was_kept_cannot_be_recorded() {
        let parent = tempfile::tempdir().unwrap();
        let run = Run {
            app: String::from("app"),
            parent: parent.path().to_path_buf(),
            id: b"id".to_vec(),
            retain: 2,
        };
        let root = run.open().unwrap();
        // Wine has a removed file at its path as long as another process has it open.
        let joined = cfg!(unix).then(|| run.open().unwrap());
        assert!(joined.iter().all(|joined| joined.path == root.path));
        // Recording fails as on a full disk.
        let obstacle = root.path.join(".async-tempdir.kept");
        fs::create_dir(&obstacle).unwrap();
        keep_in(&root);
        let outcome = root
            .lock
            .end(&root.path, &root.identity, Options::default());
        outcome.result.unwrap_err();
        fs::remove_dir(obstacle).unwrap();
        // Neither by another process of the run nor by one that starts later.
        joined.iter().for_each(end);
        let later = run.open().unwrap();
        Search::of_runs(&run).finish();
        end(&later);
        assert!(root.path.join("kept").exists());
        assert_ne!(later.path, root.path);
    }

    #[test]
    fn roots_of_one_run_count_once() {
        let parent = tempfile::tempdir().unwrap();
        let run = |id: &str| Run {
            app: String::from("app"),
            parent: parent.path().to_path_buf(),
            id: id.into(),
            retain: 2,
        };
        // Processes that start at once can open several, where the parent cannot be locked.
        let roots = [("older", 1), ("old", 2), ("own", 3), ("own", 4), ("own", 5)]
            .map(|(id, number)| create_numbered(&run(id), number..).unwrap());
        for root in &roots {
            keep_in(root);
            end(root);
        }
        let is_kept = roots.each_ref().map(|root| root.path.join("kept").exists());
        assert_eq!(is_kept, [false, true, true, true, true]);
    }
}
