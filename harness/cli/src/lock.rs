//! One process at a time writes to a folder. The kernel lets go of the lock of one that was killed.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The file that is locked; gone once the folder is free.
const NAME: &str = ".jwtbench-lock";

/// The right to write to a folder, until it is dropped.
pub struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes it; `None` if another process has it.
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
            // Whoever had it may have removed the file between the two steps.
            if path.exists() {
                return Ok(Some(Lock { path, _file: file }));
            }
        }
    }
}

/// Whether a command is at work in a folder, or was killed there.
pub fn was_begun(folder: &Path) -> bool {
    folder.join(NAME).exists()
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Left over it hinders nobody.
        _ = fs::remove_file(&self.path);
    }
}
