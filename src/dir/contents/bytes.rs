//! The bytes to be written to a file.

use std::borrow::Cow;
use std::fmt;

/// The contents of a file to be written.
///
/// [`write`](crate::AsyncTempDir::write) takes whatever converts into it. Text and bytes that are
/// passed by reference are copied, because a thread that writes them may outlive the caller's future.
/// A `String`, a `Vec<u8>`, a `Box` and (feature `bytes`) a `Bytes` move.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use std::sync::Arc;
///
/// use async_tempdir::{AsyncTempDir, Contents};
///
/// let dir = AsyncTempDir::new().await?;
/// let text = String::from("text");
/// dir.write("copied", &text).await?;
/// dir.write("moved", text).await?;
///
/// let shared: Arc<[u8]> = Arc::from(*b"not copied");
/// dir.write("shared", Contents::from_owner(Arc::clone(&shared))).await?;
/// # assert_eq!(dir.read("copied").await?, dir.read("moved").await?);
/// # assert_eq!(dir.read("shared").await?, &*shared);
/// # dir.close().await?;
/// # Ok::<(), std::io::Error>(())
/// # }
/// ```
pub struct Contents(Storage);

/// The length up to which bytes are copied without an allocation.
///
/// With it, `Contents` takes 64 bytes.
const MAX_SHORT: usize = 62;

enum Storage {
    Static(&'static [u8]),
    Short(u8, [u8; MAX_SHORT]),
    Vec(Vec<u8>),
    #[cfg(feature = "bytes")]
    Bytes(bytes::Bytes),
    Owner(Box<dyn AsRef<[u8]> + Send>),
}

impl Contents {
    /// Creates contents that refer to static bytes, without copying them.
    pub const fn from_static(bytes: &'static [u8]) -> Self {
        Self(Storage::Static(bytes))
    }

    /// Creates contents from a value that owns the bytes, without copying them.
    ///
    /// Such as a memory map or an `Arc<[u8]>`. The thread that writes calls `as_ref`, then drops the
    /// value.
    pub fn from_owner(owner: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self(Storage::Owner(Box::new(owner)))
    }

    fn copied(bytes: &[u8]) -> Self {
        let mut short = [0; MAX_SHORT];
        match short.get_mut(..bytes.len()) {
            Some(start) => {
                start.copy_from_slice(bytes);
                Self(Storage::Short(bytes.len() as u8, short))
            }
            None => Self(Storage::Vec(bytes.to_vec())),
        }
    }
}

impl AsRef<[u8]> for Contents {
    /// Returns the bytes. Panics if the `as_ref` of an [owner](Contents::from_owner) does.
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Storage::Static(bytes) => bytes,
            Storage::Short(len, bytes) => &bytes[..usize::from(*len)],
            Storage::Vec(bytes) => bytes,
            #[cfg(feature = "bytes")]
            Storage::Bytes(bytes) => bytes,
            Storage::Owner(owner) => (**owner).as_ref(),
        }
    }
}

impl Default for Contents {
    /// Creates empty contents.
    fn default() -> Self {
        Self::from_static(&[])
    }
}

/// Shows the length only: the bytes may be many, or secret.
impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents")
            .field("len", &self.as_ref().len())
            .finish_non_exhaustive()
    }
}

/// Copies what `tokio::fs::write` takes by reference, such as a `&&str` in a loop.
impl<T: AsRef<[u8]> + ?Sized> From<&T> for Contents {
    fn from(bytes: &T) -> Self {
        Self::copied(bytes.as_ref())
    }
}

impl<const N: usize> From<[u8; N]> for Contents {
    fn from(bytes: [u8; N]) -> Self {
        Self::copied(&bytes)
    }
}

impl From<Vec<u8>> for Contents {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Storage::Vec(bytes))
    }
}

impl From<String> for Contents {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Box<[u8]>> for Contents {
    fn from(bytes: Box<[u8]>) -> Self {
        bytes.into_vec().into()
    }
}

impl From<Box<str>> for Contents {
    fn from(text: Box<str>) -> Self {
        text.into_boxed_bytes().into()
    }
}

impl From<Cow<'_, [u8]>> for Contents {
    fn from(bytes: Cow<'_, [u8]>) -> Self {
        match bytes {
            Cow::Borrowed(bytes) => bytes.into(),
            Cow::Owned(bytes) => bytes.into(),
        }
    }
}

impl From<Cow<'_, str>> for Contents {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

#[cfg(feature = "bytes")]
impl From<bytes::Bytes> for Contents {
    fn from(bytes: bytes::Bytes) -> Self {
        Self(Storage::Bytes(bytes))
    }
}
