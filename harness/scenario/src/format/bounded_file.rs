//! Files that are read whole, each up to a limit: what somebody else wrote may be of any length, or
//! without an end.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

pub use jwtbench_verifier::explanation::line_and_column;

/// The most that is read of a scenario, in bytes: room for 100 000 events.
pub const SCENARIO: u64 = 16 << 20;
/// The most that is read of a policy or a cache policy, in bytes.
pub const POLICY: u64 = 1 << 20;
/// The most that is read of a key set, in bytes: room for 100 000 keys.
pub const KEY_SET: u64 = 64 << 20;
/// The most that is read of a file of tokens which is kept whole, in bytes.
pub const TOKENS: u64 = 256 << 20;
/// The most that is read of a stored result, simulation or log of histograms, in bytes.
pub const RESULT: u64 = 256 << 20;

/// The bytes of a file.
///
/// # Errors
/// If it cannot be read, or holds more than `limit` bytes: the error names both.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path, limit)?;
    let mut bytes = Vec::new();
    // A file may grow, and a device has no size.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(too_large(None, limit)),
        false => Ok(bytes),
    }
}

/// A file to be read piece by piece, as far as its size is known to be within `limit` bytes.
///
/// # Errors
/// As [`read`].
pub fn open(path: &Path, limit: u64) -> io::Result<File> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    match about.is_file() && about.len() > limit {
        true => Err(too_large(Some(about.len()), limit)),
        false => Ok(file),
    }
}

/// The text of a file.
///
/// # Errors
/// As [`read`], and if it is no UTF-8: where, and the remedy.
pub fn read_to_string(path: &Path, limit: u64) -> io::Result<String> {
    let bytes = read(path, limit)?;
    match encoding_fault(&bytes) {
        None => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Some(fault) => {
            let message = format!("it {fault}; save it as UTF-8");
            Err(io::Error::new(io::ErrorKind::InvalidData, message))
        }
    }
}

/// Why bytes are no text in UTF-8: "is UTF-16", or "is no UTF-8" with line and column, from 1.
pub fn encoding_fault(bytes: &[u8]) -> Option<String> {
    if let Some(name) = wide_encoding(bytes) {
        return Some(format!("is {name}"));
    }
    let (line, column) = line_and_column(bytes, str::from_utf8(bytes).err()?.valid_up_to());
    Some(format!("is no UTF-8 at line {line}, column {column}"))
}

/// UTF-16 or UTF-32, by the mark at the beginning or by the zeros of its first characters.
pub fn wide_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [1..=255, 0, 0, 0, ..] | [0, 0, 0, 1..=255, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [1..=255, 0, ..] | [0, 1..=255, ..] => Some("UTF-16"),
        _ => None,
    }
}

fn too_large(size: Option<u64>, limit: u64) -> io::Error {
    let size = match size {
        Some(size) => format!("it has {size} bytes"),
        None => "it goes on".to_owned(),
    };
    let message = format!("{size}, and at most {limit} bytes of such a file are read");
    io::Error::new(io::ErrorKind::FileTooLarge, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345", "as long as the limit");
        assert_eq!(read_to_string(&path, 6).unwrap(), "12345");
        let over = read(&path, 4).unwrap_err();
        assert_eq!(over.kind(), io::ErrorKind::FileTooLarge);
        let words = "it has 5 bytes, and at most 4 bytes";
        assert!(over.to_string().contains(words), "{over}");
        assert!(open(&path, 4).is_err() && open(&path, 5).is_ok());
        let endless = read(Path::new("/dev/zero"), 1 << 16).unwrap_err();
        assert!(endless.to_string().contains("it goes on, and at most 65536"), "{endless}");
        let rows: [(&[u8], &str); 9] = [
            (b"\xff", "it is no UTF-8 at line 1, column 1; save it as UTF-8"),
            ("a\né".as_bytes().split_last().unwrap().1, "it is no UTF-8 at line 2, column 1;"),
            (b"\xff\xfea\0", "it is UTF-16; save it as UTF-8"),
            (b"\xfe\xff\0a", "it is UTF-16; save it as UTF-8"),
            (b"{\0\"\0", "it is UTF-16; save it as UTF-8"),
            (b"\0{\0\"", "it is UTF-16; save it as UTF-8"),
            (b"\xff\xfe\0\0a", "it is UTF-32; save it as UTF-8"),
            (b"\0\0\0{", "it is UTF-32; save it as UTF-8"),
            (b"{\0\0\0", "it is UTF-32; save it as UTF-8"),
        ];
        for (bytes, expected) in rows {
            std::fs::write(&path, bytes).unwrap();
            let said = read_to_string(&path, 5).unwrap_err().to_string();
            assert!(said.contains(expected), "{bytes:?}: {said}");
        }
        assert_eq!(read(folder.path(), 5).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        let missing = read(&folder.path().join("none"), 5).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
