//! A lock that lets one process at a time write to a folder. The kernel releases the lock of a
//! killed process.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The file that is locked. It is removed when the folder is released.
const NAME: &str = ".jwtbench-lock";

/// The right to write to a folder, until it is dropped.
pub struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Takes the lock; `None` if another process holds it.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn take(folder: &Path) -> io::Result<Option<Lock>> {
        let path = folder.join(NAME);
        loop {
            let file = File::create(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // The previous holder may have removed the file between the two steps, and another
            // process may have created it again.
            if is_at(&file, &path) {
                return Ok(Some(Lock { path, file }));
            }
        }
    }
}

/// Whether the path still names this file.
fn is_at(file: &File, path: &Path) -> bool {
    let both = file.metadata().ok().zip(fs::metadata(path).ok());
    both.is_some_and(|(held, named)| (held.dev(), held.ino()) == (named.dev(), named.ino()))
}

/// Whether a command works in the folder, or was killed while it did.
pub fn was_begun(folder: &Path) -> bool {
    folder.join(NAME).exists()
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A leftover file does no harm. A file that another process created is not ours to remove.
        if is_at(&self.file, &self.path) {
            _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_file_that_was_made_anew_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let held = Lock::take(folder.path()).unwrap().unwrap();
        assert!(Lock::take(folder.path()).unwrap().is_none(), "one at a time");
        let path = folder.path().join(NAME);
        fs::remove_file(&path).unwrap();
        let other = Lock::take(folder.path()).unwrap().unwrap();
        assert!(!is_at(&held.file, &path) && is_at(&other.file, &path));
        drop(held);
        assert!(path.exists(), "the lock of another process stays");
        drop(other);
        assert!(!path.exists() && Lock::take(folder.path()).unwrap().is_some());
    }
}
