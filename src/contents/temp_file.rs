//! A temporary file in the temporary directory.

use std::io;
use std::path::Path;

use async_tempfile::{Error, Ownership, TempFile};
use cap_std::fs::{Dir, File};

use super::open::{Access, open};
use crate::AsyncTempDir;
use crate::error::located;
use crate::name;
use crate::sys::{self, Identity};

/// How many names are tried. With 10 random characters one is enough.
const MAX_TRIES: u32 = 16;

impl AsyncTempDir {
    /// Creates a file with a random name, for reading and writing: an
    /// [`async_tempfile::TempFile`], as its `new_in` makes, but for the owner alone (mode 0600 on
    /// Unix), and contained.
    ///
    /// The file goes when the `TempFile` is dropped, or with the directory. That drop removes it
    /// by path, and on the dropping thread; `drop_async` does so on the blocking pool.
    ///
    /// # Errors
    ///
    /// What the operating system says; `Other`: something else has the directory's name by now,
    /// or the runtime shuts down.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, an empty file may be left, which goes with the directory.
    pub async fn temp_file(&self) -> io::Result<TempFile> {
        self.make_temp_file()
            .await
            .map_err(|error| located("create a temporary file in", self.path(), error))
    }

    async fn make_temp_file(&self) -> io::Result<TempFile> {
        let (name, made) = self.within(|dir, _| make(dir)).await?;
        // It takes paths only. So the file is made here, where it cannot be anywhere else; that
        // the path still leads to it is looked at afterwards.
        let file = TempFile::from_existing(self.path().join(name), Ownership::Owned)
            .await
            .map_err(|error| match error {
                Error::Io(error) => error,
                error => io::Error::other(error),
            })?;
        let opened = sys::duplicate(&*file)?;
        let same = self
            .within(move |_, _| {
                Ok(Identity::of_open(&made.into_std())? == Identity::of_open(&opened)?)
            })
            .await?;
        if same {
            Ok(file)
        } else {
            // Somebody else's: it is not to be removed.
            file.keep();
            Err(sys::replaced())
        }
    }
}

fn make(dir: &Dir) -> io::Result<(String, File)> {
    let mut tries = 1;
    loop {
        let name = format!("tmp{}", name::random(name::DEFAULT_RANDOM_LEN)?);
        match open(dir, Path::new(&name), Access::Private) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries < MAX_TRIES => {
                tries += 1;
            }
            made => return Ok((name, made?)),
        }
    }
}
