//! A close: removal that the caller awaits.

use std::path::Path;
use std::sync::Arc;

use crate::cleanup::Verdict;
use crate::owned::{self, Claim};
use crate::remove::{self, Cause, Options, Outcome, RemoveError, Target};
use crate::reply::Reply;

/// A directory to be closed. Dropping this removes it in the background.
pub(crate) struct Closing(Claim);

impl Closing {
    pub(crate) fn new(claim: Claim) -> Self {
        Self(claim)
    }
}

impl Target for Closing {
    fn path(&self) -> &Path {
        self.0.dir().path()
    }

    fn begin(self: Box<Self>, options: Options, reply: Reply<Verdict>) {
        let claim = self.0;
        let dir = Arc::clone(claim.dir());
        if claim.is_foreign() {
            let error = RemoveError::whole(dir.path(), owned::foreign());
            return reply.answer(|| Verdict::new(Outcome::from(Err(error))));
        }
        // An awaited removal does not queue behind dropped directories, and has helper threads.
        let lane = dir.lane_here();
        let options = Options {
            helpers: Some(remove::helpers(lane.runtime())),
            cause: Cause::current(),
            ..options
        };
        claim.close(move || {
            lane.errands().run(move || {
                reply.answer(move || {
                    let removed = dir.remove(options);
                    // The parent may be removed now, and counts as pending before the caller
                    // learns that this one is gone.
                    drop(dir);
                    Verdict::new(removed)
                });
            });
        });
    }
}
