//! Reading of whole files with a limit on their size. A file from another source may be of any
//! size, and a device has no end.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

pub use jwtbench_verifier::explanation::line_and_column;

/// The limit for a scenario, in bytes. It leaves room for 100 000 events.
pub const SCENARIO: u64 = 16 << 20;
/// The limit for a policy or a cache policy, in bytes.
pub const POLICY: u64 = 1 << 20;
/// The limit for a key set, in bytes. It leaves room for 100 000 keys.
pub const KEY_SET: u64 = 64 << 20;
/// The limit for a file of tokens that is kept in memory as a whole, in bytes.
pub const TOKENS: u64 = 256 << 20;

/// The bytes of a file.
///
/// # Errors
/// If the file cannot be read, or holds more than `limit` bytes. The message of the latter gives
/// the limit, and the size if it is known.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path, limit)?;
    let mut bytes = Vec::new();
    // A file may grow while it is read, and a device reports no size.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(too_large(None, limit)),
        false => Ok(bytes),
    }
}

/// Opens a file to be read in pieces. A regular file of more than `limit` bytes is refused; the
/// size of other files is not known beforehand.
///
/// # Errors
/// If the file cannot be opened, or is known to hold more than `limit` bytes.
pub fn open(path: &Path, limit: u64) -> io::Result<File> {
    let file = File::open(path)?;
    let about = file.metadata()?;
    match about.is_file() && about.len() > limit {
        true => Err(too_large(Some(about.len()), limit)),
        false => Ok(file),
    }
}

/// The text of a UTF-8 file.
///
/// # Errors
/// As for [`read`]. Also if the file is not UTF-8; the message then gives the place and the remedy.
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

/// The reason why bytes are not UTF-8 text: "is UTF-16", "is UTF-32", or "is no UTF-8" with line
/// and column, both counted from 1. `None` if they are UTF-8.
pub fn encoding_fault(bytes: &[u8]) -> Option<String> {
    if let Some(name) = wide_encoding(bytes) {
        return Some(format!("is {name}"));
    }
    let (line, column) = line_and_column(bytes, str::from_utf8(bytes).err()?.valid_up_to());
    Some(format!("is no UTF-8 at line {line}, column {column}"))
}

/// The name of the encoding if it is UTF-16 or UTF-32. It is recognised by the byte order mark, or
/// by the zero bytes of the first character.
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
