//! A temporary file in the temporary directory.

use std::ffi::OsStr;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use async_tempfile::{Error, Ownership, TempFile};

use super::open::Access;
use super::unlink_on_drop::UnlinkOnDrop;
use super::{open_dir, path};
use crate::blocking::spawn;
use crate::dir::AsyncTempDir;
use crate::owned::OwnedDir;
use crate::sys::{self, Identity};
use crate::util::name::{self, Template};
use crate::util::with_path;

/// The maximum number of names tried; with 10 random characters, one is enough.
const MAX_TRIES: u32 = 16;

impl AsyncTempDir {
    /// Creates a file with a random name, for reading and writing.
    ///
    /// Like `new_in` of [`async_tempfile::TempFile`], but private to the owner (mode 0600 on Unix),
    /// and confined to the directory. For a name that begins or ends in a certain way, there is
    /// [`temp_file_with`](Self::temp_file_with).
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
        self.temp_file_with("tmp", "").await
    }

    /// Creates a file like [`temp_file`](Self::temp_file), with a prefix and a suffix of its name.
    ///
    /// Between them are 10 random characters. Use it for a program that goes by the extension. The
    /// async form of `tempfile::Builder` with `prefix`, `suffix` and `tempfile_in`.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the prefix or the suffix contains a path separator or a NUL, or on Windows,
    /// if no file can have such a name; `InvalidFilename` if the name is too long; and the same
    /// errors as for [`temp_file`](Self::temp_file).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, no file is left: see [`temp_file`](Self::temp_file).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let dir = async_tempdir::AsyncTempDir::new().await?;
    /// let image = dir.temp_file_with("thumbnail-", ".png").await?;
    /// assert_eq!(image.file_path().extension().unwrap(), "png");
    /// # drop(image);
    /// # dir.close().await?;
    /// # Ok::<(), std::io::Error>(())
    /// # }
    /// ```
    pub async fn temp_file_with(
        &self,
        prefix: impl AsRef<OsStr>,
        suffix: impl AsRef<OsStr>,
    ) -> io::Result<TempFile> {
        let template = Template {
            prefix: prefix.as_ref().to_owned().into(),
            suffix: suffix.as_ref().to_owned().into(),
            random_len: name::DEFAULT_RANDOM_LEN,
        };
        self.make_temp_file(template)
            .await
            .map_err(|error| with_path("create a temporary file in", self.path(), error))
    }

    async fn make_temp_file(&self, template: Template) -> io::Result<TempFile> {
        template.check(name::DEFAULT_RANDOM_LEN)?;
        let queues = self.owner.dir.queues_here();
        let made = self.start(move |owner| make(owner, &template))?.await??;

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

fn make(owner: &Arc<OwnedDir>, template: &Template) -> io::Result<UnlinkOnDrop> {
    let here = Path::new("");
    let mut tries = 1;
    loop {
        let name = template.next_in(here)?;
        // First, because a name may also look like an absolute path there.
        sys::check_name(name.as_os_str())?;
        path::check(&name)?;
        let root = open_dir(owner)?;
        match UnlinkOnDrop::new(root, here, name.into(), Access::Private, owner) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && tries < MAX_TRIES => {
                tries += 1;
            }
            made => return made,
        }
    }
}
