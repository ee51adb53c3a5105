//! Keys that frames are verified with, kept for as long as a capture is read and wiped then.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use fhrp::Secret;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::config::value::octets_from_hex;
use crate::protocols::DECODED;

/// Octets of the longest file of keys.
const LONGEST_FILE: u64 = 1 << 20;
/// Behind a protocol's name: the key is written in hexadecimal digits.
const HEX: &str = "-hex";

/// Why a key cannot be used. None of these says the key.
#[derive(Debug, Error)]
pub enum KeyError {
    /// Not a protocol, an equals sign and a key.
    #[error("a key is written PROTOCOL=SECRET, such as vrrp=…; a protocol is one of {}", names())]
    Form,
    /// Not a protocol.
    #[error("there is no protocol `{0}`; a key is for one of {list}: vrrp=…, or vrrp-hex=… for hexadecimal digits", list = names())]
    Protocol(String),
    /// No key at all.
    #[error("the key for {0} is empty; write it behind the equals sign: {0}=…")]
    Empty(&'static str),
    /// Not hexadecimal.
    #[error(
        "the key for {0} is not hexadecimal; write pairs of the digits 0 to 9 and a to f, or {0}=… for a text"
    )]
    Hex(&'static str),
    /// A file that cannot be read.
    #[error("{file}: {error}")]
    Io {
        /// The file.
        file: String,
        /// The system's word.
        error: io::Error,
    },
    /// A file that everybody can read.
    #[error("{file}: everybody may read these keys (mode {mode:03o}); chmod 600 {file}")]
    Public {
        /// The file.
        file: String,
        /// Its mode.
        mode: u32,
    },
    /// A file that is no list of keys.
    #[error("{file}: longer than a list of keys can be")]
    Long {
        /// The file.
        file: String,
    },
    /// A line of a file.
    #[error("{file}:{line}: {error}")]
    Line {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        error: Box<KeyError>,
    },
}

fn names() -> String {
    DECODED.iter().map(|protocol| protocol.name()).collect::<Vec<_>>().join(", ")
}

/// Keys, by protocol.
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<(&'static str, Secret)>);

impl Keys {
    /// The keys for a protocol.
    pub fn of(&self, protocol: &str) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |(name, _)| *name == protocol).map(|(_, secret)| secret.expose())
    }

    /// Adds a key that is written `vrrp=SECRET`, or `vrrp-hex=736563726574`.
    ///
    /// # Errors
    /// If it is written in another way.
    pub fn add(&mut self, text: &[u8]) -> Result<(), KeyError> {
        let equals = text.iter().position(|octet| *octet == b'=').ok_or(KeyError::Form)?;
        let (name, secret) = text.split_at(equals);
        let secret = secret.get(1..).unwrap_or_default();
        let name = std::str::from_utf8(name).map_err(|_| KeyError::Form)?.trim();
        let known = |name: &str| DECODED.iter().map(|protocol| protocol.name()).find(|known| *known == name);
        let (protocol, is_hex) = match (known(name), name.strip_suffix(HEX).and_then(known)) {
            (Some(protocol), _) => (protocol, false),
            (None, Some(protocol)) => (protocol, true),
            (None, None) => return Err(KeyError::Protocol(name.to_owned())),
        };
        if secret.is_empty() {
            return Err(KeyError::Empty(protocol));
        }
        let secret = match is_hex {
            true => Secret::new(octets_from_hex(secret).ok_or(KeyError::Hex(protocol))?),
            false => Secret::new(secret),
        };
        self.0.push((protocol, secret));
        Ok(())
    }

    /// Adds the keys of a file, one on each line as for [`Keys::add`]; empty lines and those that begin with `#`
    /// are passed over.
    ///
    /// # Errors
    /// If it cannot be read, everybody may read it, or a line is no key.
    pub fn add_file(&mut self, path: &Path) -> Result<(), KeyError> {
        let file = path.display().to_string();
        let io = |error| KeyError::Io { file: path.display().to_string(), error };
        let mut opened = File::open(path).map_err(io)?;
        let mode = opened.metadata().map_err(io)?.permissions().mode() & 0o777;
        if mode & 0o004 != 0 {
            return Err(KeyError::Public { file, mode });
        }
        // Of its full size from the beginning, so that no copy stays behind when it grows.
        let mut text = Zeroizing::new(vec![0; usize::try_from(LONGEST_FILE).unwrap_or(usize::MAX) + 1]);
        let length = read_whole(&mut opened, &mut text).map_err(io)?;
        if length as u64 > LONGEST_FILE {
            return Err(KeyError::Long { file });
        }
        let text = text.get(..length).unwrap_or_default();
        for (place, line) in text.split(|octet| *octet == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.trim_ascii().is_empty() || line.trim_ascii_start().starts_with(b"#") {
                continue;
            }
            let wrong =
                |error| KeyError::Line { file: file.clone(), line: place + 1, error: Box::new(error) };
            self.add(line.trim_ascii_start()).map_err(wrong)?;
        }
        Ok(())
    }
}

fn read_whole(file: &mut File, into: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    loop {
        match file.read(into.get_mut(length..).unwrap_or_default()) {
            Ok(0) => return Ok(length),
            Ok(got) => length += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    fn file(text: &[u8], mode: u32) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn keys_are_of_their_protocol() {
        let mut keys = Keys::default();
        keys.add(b"vrrp=one=two ").unwrap();
        keys.add(b"vrrp-hex=00ff").unwrap();
        assert_eq!(keys.of("vrrp").collect::<Vec<_>>(), [&b"one=two "[..], &[0, 255]]);
        assert_eq!(keys.of("carp").count(), 0);
    }

    #[test]
    fn what_is_wrong_is_said_without_the_key() {
        for wrong in ["monkey", "ospf=monkey", "vrrp=", "vrrp-hex=monkey", "=monkey", ""] {
            let said = Keys::default().add(wrong.as_bytes()).unwrap_err().to_string();
            assert!(said.contains("vrrp") && !said.contains("monkey"), "{said}");
        }
        let mut keys = Keys::default();
        keys.add(b"vrrp=monkey").unwrap();
        assert!(!format!("{keys:?}").contains("monkey"));
    }

    #[test]
    fn files_are_read_if_they_are_private() {
        let text = b"# keys\n\n  vrrp=monkey\r\nvrrp=\xff\xfe\n";
        let mut keys = Keys::default();
        keys.add_file(file(text, 0o600).path()).unwrap();
        assert_eq!(keys.of("vrrp").collect::<Vec<_>>(), [&b"monkey"[..], b"\xff\xfe"]);
        let public = file(text, 0o644);
        let said = Keys::default().add_file(public.path()).unwrap_err().to_string();
        assert!(said.contains("everybody may read") && said.contains("chmod 600"), "{said}");
        let said = Keys::default().add_file(file(b"vrrp=a\nmonkey\n", 0o600).path()).unwrap_err().to_string();
        assert!(said.contains(":2: a key is written PROTOCOL=SECRET"), "{said}");
        assert!(Keys::default().add_file(Path::new("/nonexistent")).is_err());
    }
}
