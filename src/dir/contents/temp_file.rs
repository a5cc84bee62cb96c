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
use super::open_dir;
use super::unlink_on_drop::UnlinkOnDrop;
use crate::blocking::spawn;
use crate::dir::AsyncTempDir;
use crate::owned::OwnedDir;
use crate::sys::{self, Identity};
use crate::util::name;
use crate::util::with_path;

/// The maximum number of names tried; with 10 random characters, one is enough.
const MAX_TRIES: u32 = 16;

impl AsyncTempDir {
    /// Creates a file with a random name, for reading and writing.
    ///
    /// Like `new_in` of [`async_tempfile::TempFile`], but private to the owner (mode 0600 on Unix),
    /// and confined to the directory.
    ///
    /// The file is removed when the `TempFile` is dropped, or with the directory. Dropping the
    /// `TempFile` removes it by path, on the dropping thread, even in a forked child; `drop_async`
    /// does so on the blocking pool.
    ///
    /// # Errors
    ///
    /// Any error of the operating system. `Other` if the directory's path now refers to something
    /// else, if the file's path does, if the runtime is shutting down, or if the system gives it no
    /// thread. No file is left; in the last three cases, it may be removed in the background, as
    /// below.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no file is left: it is removed in the background, which
    /// [`cleanup::idle`](crate::cleanup::idle) waits for.
    pub async fn temp_file(&self) -> io::Result<TempFile> {
        self.make_temp_file()
            .await
            .map_err(|error| with_path("create a temporary file in", self.path(), error))
    }

    async fn make_temp_file(&self) -> io::Result<TempFile> {
        let queues = self.owner.dir.queues_here();
        let made = self.start(make)?.await??;

        // `TempFile` takes only paths. So the file is created beneath the directory first, and
        // later checked to still be the one at the path.
        let path = made.path().to_path_buf();
        let mut opening = pin!(TempFile::from_existing(path, Ownership::Owned));
        let opened = poll_fn(|cx| {
            // The calling thread may be outside a runtime.
            let _entered = queues.runtime.enter();
            // Polling requests a thread from the pool, which panics if the system gives none.
            // Nothing else in it is known to panic.
            let poll = || opening.as_mut().poll(cx).map(Ok);
            catch_unwind(AssertUnwindSafe(poll))
                .unwrap_or_else(|_| Poll::Ready(Err(spawn::unavailable())))
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
            // The file is not ours, and must not be removed.
            file.keep();
            Err(io::Error::other(
                "the file was replaced as soon as it was created",
            ))
        }
    }
}

fn make(owner: &Arc<OwnedDir>) -> io::Result<UnlinkOnDrop> {
    let mut tries = 1;
    loop {
        let name = format!("tmp{}", name::random(name::DEFAULT_RANDOM_LEN)?);
        let root = open_dir(owner)?;
        match UnlinkOnDrop::new(root, Path::new(""), name, Access::Private, owner) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < MAX_TRIES => {
                tries += 1;
            }
            made => return made,
        }
    }
}
