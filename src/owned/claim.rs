//! The right and the duty to remove a directory, as one value that is dropped, closed, released or
//! persisted once.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex};

use super::kept::Kept;
use super::{Child, Children, Fate, Guard, Life, OwnedDir};
use crate::Cleanup;
use crate::cleanup::Lane;
use crate::policy::Policy;
use crate::sys::{self, Identity};

/// The right and the duty to remove a directory: what a handle holds.
#[derive(Debug)]
pub(crate) struct Claim {
    dir: Arc<OwnedDir>,
    on_drop: OnDrop,
    /// Somebody has it: it is not, or no longer, inside a job.
    held: bool,
}

/// What dropping a [`Claim`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDrop {
    /// What the policy says.
    Policy(Policy),
    Keep,
    /// The fate is decided already.
    Nothing,
}

impl Claim {
    /// Takes charge of the directory `path`, which was just created as `identity`.
    pub(crate) fn new(
        path: PathBuf,
        identity: Identity,
        lane: Arc<Lane>,
        parent: Option<Child>,
        guard: Option<Guard>,
    ) -> Self {
        Self {
            dir: Arc::new(OwnedDir {
                path,
                identity,
                process: process::id(),
                lane,
                life: Mutex::new(Life {
                    fate: Fate::Held,
                    jobs: 0,
                    children: 0,
                    held_children: 0,
                }),
                kept: Kept::default(),
                parent,
                guard,
            }),
            on_drop: OnDrop::Policy(Policy::default()),
            held: false,
        }
    }

    /// The claim becomes a handle's, whose `policy` holds from now on. One whose creation was
    /// cancelled never does, and its directory is removed.
    pub(crate) fn hand_out(&mut self, policy: Policy) {
        self.on_drop = OnDrop::Policy(policy);
        self.held = true;
        if let Some(parent) = &self.dir.parent {
            parent.0.life().held_children += 1;
        }
    }

    pub(crate) fn dir(&self) -> &Arc<OwnedDir> {
        &self.dir
    }

    pub(crate) fn set_cleanup(&mut self, cleanup: Cleanup) {
        if let OnDrop::Policy(policy) = &mut self.on_drop {
            policy.set(cleanup);
        }
    }

    /// The directory goes, whatever the policy.
    pub(crate) fn condemn(&mut self) {
        self.on_drop = OnDrop::Policy(Policy::default());
    }

    /// Whether the directory is to stay when its time ends, which is said if it does because of a
    /// panic.
    pub(crate) fn stays(&self, panicking: bool) -> bool {
        match self.on_drop {
            OnDrop::Policy(policy) => match policy.cleanup() {
                Cleanup::Always => false,
                Cleanup::OnSuccess if panicking => {
                    announce(&self.dir.path, self.dir.parent.is_some());
                    true
                }
                Cleanup::OnSuccess => false,
                Cleanup::Never => true,
            },
            OnDrop::Keep => true,
            OnDrop::Nothing => false,
        }
    }

    /// Gives the directory up: it stays.
    pub(crate) fn release(mut self) -> PathBuf {
        self.on_drop = OnDrop::Keep;
        self.dir.path.clone()
    }

    /// Passes the duty on to `remove`, which is called as soon as no job works in the directory
    /// any more.
    pub(crate) fn close(self, remove: impl FnOnce() + Send + 'static) {
        debug_assert!(!self.is_foreign(), "a forked child closes nothing");
        self.when_alone(Children::Ignored, |mut claim| {
            claim.on_drop = OnDrop::Nothing;
            claim.dir.life().fate = Fate::Over;
            drop(claim);
            remove();
        });
    }

    /// Calls `act` as soon as no job works in the directory, and the removal of no child is under
    /// way.
    ///
    /// # Errors
    ///
    /// Somebody has the handle of a child, which may mean to wait for ever; or this is a forked
    /// child, in which nothing would come to an end. The claim stands.
    pub(crate) fn when_quiet(
        self,
        act: impl FnOnce(Self) + Send + 'static,
    ) -> Result<(), (io::Error, Self)> {
        if self.is_foreign() {
            return Err((foreign(), self));
        }
        if self.dir.life().held_children > 0 {
            let busy = io::Error::new(
                io::ErrorKind::ResourceBusy,
                "the handle of a directory inside it is still in use",
            );
            return Err((busy, self));
        }
        self.when_alone(Children::Awaited, act);
        Ok(())
    }

    fn when_alone(self, children: Children, act: impl FnOnce(Self) + Send + 'static) {
        let dir = Arc::clone(&self.dir);
        let mut life = dir.life();
        if life.jobs == 0 && (life.children == 0 || children == Children::Ignored) {
            drop(life);
            act(self);
        } else {
            // The last of them calls it. Until then, the directory holds its own claim.
            life.fate = Fate::Awaiting(Box::new(move || act(self)), children);
        }
    }

    /// Moves the directory to `target` and gives it up.
    ///
    /// # Errors
    ///
    /// The move failed: the claim stands.
    pub(crate) fn persist(self, target: &Path) -> Result<(), (io::Error, Self)> {
        match self.rename(target) {
            Ok(()) => {
                self.release();
                Ok(())
            }
            Err(error) => Err((error, self)),
        }
    }

    fn rename(&self, target: &Path) -> io::Result<()> {
        sys::check_same_dir(&self.dir.path, &self.dir.identity)?;
        std::fs::rename(&self.dir.path, target)
    }

    /// Whether this is a forked child's copy of its parent's claim.
    pub(crate) fn is_foreign(&self) -> bool {
        self.dir.is_foreign()
    }
}

/// The error for a forked child that would remove or move what is its parent's.
pub(crate) fn foreign() -> io::Error {
    io::Error::other("the directory belongs to the process this one was forked from")
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.is_foreign() {
            // A lock that another thread held at the moment of the fork is held for ever here, so
            // not even the memory can be released.
            mem::forget(Arc::clone(&self.dir));
            return;
        }
        if let Some(parent) = &self.dir.parent
            && self.held
        {
            parent.0.life().held_children -= 1;
        }
        if self.on_drop == OnDrop::Nothing {
            return;
        }
        let stays = self.stays(std::thread::panicking());
        if stays && let Some(guard) = &self.dir.guard {
            guard.disown(&self.dir.path, &self.dir.identity);
        }
        let mut life = self.dir.life();
        life.fate = if stays {
            Fate::Over
        } else {
            Fate::Dropped(None)
        };
        self.dir.settle(life);
    }
}

/// Says where the directory of a panic stays. `eprint!`, because that is what test runners capture
/// and show with the test that failed.
fn announce(path: &Path, is_inside: bool) {
    let until = if is_inside {
        " (until the one that it is in is removed)"
    } else {
        ""
    };
    // As one piece, so that it is one write: nothing of what other threads print comes between.
    let line = format!("temporary directory kept: {}{until}\n", path.display());
    // It panics when stderr is closed, and a panic in here would abort the process.
    let _ = std::panic::catch_unwind(|| eprint!("{line}"));
}
