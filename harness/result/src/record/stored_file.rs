//! Reading of stored files with a limit on their size. A file from another source may be of any
//! size, and a device has no end.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The limit for a result, a simulation or a log of histograms, in bytes.
pub const LIMIT: u64 = 256 << 20;

/// The bytes of a stored file.
///
/// # Errors
/// If the file cannot be read, or holds more than [`LIMIT`] bytes.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    // A large file is not read to its limit first. A device reports no size.
    if about.is_file() && about.len() > LIMIT {
        return Err(too_large(&format!("it has {} bytes", about.len())));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT { Err(too_large("it goes on")) } else { Ok(bytes) }
}

/// The text of a stored file.
///
/// # Errors
/// As for [`read`]. Also if the file is not UTF-8; the message then gives the line and the remedy.
pub fn read_to_string(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        let message = match error.as_bytes() {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is UTF-16; save it as UTF-8".to_owned(),
            _ => format!("it is no UTF-8 in line {line}; save it as UTF-8"),
        };
        io::Error::new(io::ErrorKind::InvalidData, message)
    })
}

fn too_large(size: &str) -> io::Error {
    let message = format!("{size}, and at most {LIMIT} bytes of such a file are read");
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}
