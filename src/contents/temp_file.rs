//! A temporary file in the temporary directory.

use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use async_tempfile::{Error, Ownership, TempFile};

use super::open::Access;
use super::open_root;
use super::provisional::Provisional;
use crate::AsyncTempDir;
use crate::error::located;
use crate::name;
use crate::owned::OwnedDir;
use crate::pool;
use crate::sys::{self, Identity};

/// How many names are tried. With 10 random characters one is enough.
const MAX_TRIES: u32 = 16;

impl AsyncTempDir {
    /// Creates a file with a random name, for reading and writing: an
    /// [`async_tempfile::TempFile`], as its `new_in` makes, but for the owner alone (mode 0600 on
    /// Unix), and contained.
    ///
    /// The file goes when the `TempFile` is dropped, or with the directory. That drop removes it
    /// by path, and on the dropping thread, also in a forked child; `drop_async` does so on the
    /// blocking pool.
    ///
    /// # Errors
    ///
    /// What the operating system says; `Other`: something else has the directory's name by now,
    /// or the file's, or the runtime shuts down, or the system gives it no thread. No file is left;
    /// after the last three, it may be removed in the background, as below.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no file is left: it is removed in the background, which
    /// [`cleanup::idle`](crate::cleanup::idle) waits for.
    pub async fn temp_file(&self) -> io::Result<TempFile> {
        self.make_temp_file()
            .await
            .map_err(|error| located("create a temporary file in", self.path(), error))
    }

    async fn make_temp_file(&self) -> io::Result<TempFile> {
        let lane = self.lane();
        let made = self.start(make)?.await??;

        // It takes paths only. So the file is made here, where it cannot be anywhere else; that
        // the path still leads to it is looked at afterwards.
        let path = made.path().to_path_buf();
        let mut opening = pin!(TempFile::from_existing(path, Ownership::Owned));
        let opened = poll_fn(|cx| {
            // Also where no runtime is.
            let _entered = lane.runtime().enter();
            // It asks the pool for a thread, which panics if the system gives none. Nothing else in
            // it is known to panic.
            let poll = || opening.as_mut().poll(cx).map(Ok);
            catch_unwind(AssertUnwindSafe(poll))
                .unwrap_or_else(|_| Poll::Ready(Err(pool::unavailable())))
        });
        let file = match opened.await? {
            Ok(file) => file,
            Err(Error::Io(error)) => return Err(error),
            Err(_) => {
                let gone = "the file was removed as soon as it was created";
                return Err(io::Error::new(ErrorKind::NotFound, gone));
            }
        };
        let opened = sys::duplicate(&*file)?;
        let same = self.start(move |_| {
            let same = Identity::of_open(made.file())? == Identity::of_open(&opened)?;
            if same {
                made.keep();
            } else {
                made.discard();
            }
            io::Result::Ok(same)
        });
        if same?.await?? {
            Ok(file)
        } else {
            // Somebody else's: it is not to be removed.
            file.keep();
            Err(io::Error::other(
                "the file was replaced as soon as it was created",
            ))
        }
    }
}

fn make(owner: &Arc<OwnedDir>) -> io::Result<Provisional> {
    let mut tries = 1;
    loop {
        let name = format!("tmp{}", name::random(name::DEFAULT_RANDOM_LEN)?);
        let root = open_root(owner)?;
        match Provisional::new(root, Path::new(""), name, Access::Private, owner) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < MAX_TRIES => {
                tries += 1;
            }
            made => return made,
        }
    }
}
