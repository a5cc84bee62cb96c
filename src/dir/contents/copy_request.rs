//! A copy from its request on: opens the destination, and has a thread of the pool copy.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;

use super::open::{make_dirs, with_parents};
use super::populate::CancelOnDrop;
use super::{begin, path};
use crate::blocking::oneshot::Receiver;
use crate::blocking::spawn;
use crate::copy::{self, Copied, CopyError, CopySide, Options};
use crate::dir::AsyncTempDir;

/// A copy that has not begun: its source, its destination and its settings.
pub(super) struct Request<'d> {
    pub(super) dir: &'d AsyncTempDir,
    pub(super) source: io::Result<PathBuf>,
    pub(super) given: PathBuf,
    pub(super) to: Option<PathBuf>,
    pub(super) options: Options,
}

/// A copy that has begun, and is cancelled when this is dropped.
pub(super) struct Running {
    pub(super) receiver: Receiver<io::Result<Result<Copied, CopyError>>>,
    pub(super) source: PathBuf,
    pub(super) destination: PathBuf,
    _cancel: CancelOnDrop,
}

impl Request<'_> {
    pub(super) fn destination(&self) -> PathBuf {
        match &self.to {
            // With an absolute path, that itself.
            Some(to) => self.dir.path().join(to),
            None => self.dir.path().to_path_buf(),
        }
    }

    pub(super) fn begin(self) -> Result<Running, CopyError> {
        let destination = self.destination();
        let source = self.source.map_err(|error| {
            CopyError::whole(&self.given, &destination, CopySide::Source, error)
        })?;
        let cancel = CancelOnDrop::default();
        let owned = &self.dir.owner.dir;
        let runtime = owned.queues_here().runtime.clone();
        let options = Options {
            is_cancelled: Arc::clone(&cancel.0),
            spawn_helper: Some(Arc::new(move |help| spawn::request_help(&runtime, help))),
            ..self.options
        };
        let begin = || {
            let inside = match &self.to {
                Some(to) => Some(path::inside(self.dir.path(), to)?),
                None => None,
            };
            let (source, destination) = (source.clone(), destination.clone());
            begin(owned, move |dir| {
                // Before anything is created for it.
                if let Err(error) = copy::check_source(&source) {
                    let side = CopySide::Source;
                    return Ok(Err(CopyError::whole(&source, &destination, side, error)));
                }
                let (to, is_new) = open_destination(dir, inside.as_deref())?;
                let options = Options {
                    with_mode: is_new,
                    ..options
                };
                Ok(copy::tree(&source, None, to, &destination, options))
            })
        };
        match begin() {
            Ok(receiver) => Ok(Running {
                receiver,
                source,
                destination,
                _cancel: cancel,
            }),
            Err(error) => Err(refused(&source, &destination, error)),
        }
    }
}

pub(super) fn refused(source: &Path, destination: &Path, error: io::Error) -> CopyError {
    CopyError::whole(source, destination, CopySide::Destination, error)
}

/// Opens the directory `path` beneath `dir`, or `dir` itself. Creates it and missing parents; then
/// returns `true`.
fn open_destination(dir: &Dir, path: Option<&Path>) -> io::Result<(File, bool)> {
    let Some(path) = path else {
        return Ok((dir.try_clone()?.into_std_file(), false));
    };
    let is_new = match dir.open_dir(path) {
        Ok(dir) => return Ok((dir.into_std_file(), false)),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Err(_) => match with_parents(dir, path, || dir.create_dir(path)) {
            Ok(()) => true,
            // It ends in dots, or another task or process has created it.
            Err(_) => {
                make_dirs(dir, path)?;
                false
            }
        },
    };
    Ok((dir.open_dir(path)?.into_std_file(), is_new))
}
