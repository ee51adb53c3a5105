//! Where a capture comes from: a file or standard input, as it is or compressed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// Octets asked of a file at a time.
const CHUNK: usize = 64 << 10;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Frames of no content, which may precede others: 0x184d2a50 to 0x184d2a5f.
const ZSTD_SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

/// The octets of a file, without what compresses them.
pub(super) type Octets = Box<dyn Read + Send>;

/// Opens a file; `-` is standard input.
pub(super) fn open(path: &Path) -> io::Result<Octets> {
    match path.as_os_str() == "-" {
        true => expand(io::stdin()),
        false => expand(File::open(path)?),
    }
}

/// Takes off what compresses `source`, if anything does: told by its first octets, never by a name.
pub(super) fn expand(source: impl Read + Send + 'static) -> io::Result<Octets> {
    let (first, rest) = begin(source)?;
    let whole = io::Cursor::new(first.clone()).chain(rest);
    Ok(match first.as_slice() {
        [a, b, ..] if [*a, *b] == GZIP => {
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(CHUNK, whole)))
        }
        octets if octets == ZSTD || octets.get(1..) == Some(&ZSTD_SKIPPABLE) => {
            Box::new(Zstd { source: BufReader::with_capacity(CHUNK, Box::new(whole)), frame: None })
        }
        _ => Box::new(whole),
    })
}

/// The first four octets, or all of a shorter file.
fn begin<R: Read>(mut source: R) -> io::Result<(Vec<u8>, R)> {
    let mut first = Vec::with_capacity(ZSTD.len());
    source.by_ref().take(ZSTD.len() as u64).read_to_end(&mut first)?;
    Ok((first, source))
}

/// Frames of zstd one after the other, as `zstd` and `pzstd` write them.
struct Zstd {
    source: BufReader<Box<dyn Read + Send>>,
    frame: Option<FrameDecoder>,
}

impl Read for Zstd {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            let Some(frame) = &mut self.frame else {
                if self.source.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.frame = begin_frame(&mut self.source)?;
                continue;
            };
            while frame.can_collect() == 0 && !frame.is_finished() {
                frame
                    .decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(io::Error::other)?;
            }
            match frame.read(out)? {
                0 if frame
                    .get_checksum_from_data()
                    .is_some_and(|sum| Some(sum) != frame.get_calculated_checksum()) =>
                {
                    return Err(io::Error::other("the zstd checksum does not match"));
                }
                0 => self.frame = None,
                count => return Ok(count),
            }
        }
    }
}

/// The next frame, or none if it was one without content, which is now behind us.
fn begin_frame(source: &mut BufReader<Box<dyn Read + Send>>) -> io::Result<Option<FrameDecoder>> {
    let mut frame = FrameDecoder::new();
    match frame.init(&mut *source) {
        Ok(()) => Ok(Some(frame)),
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
            io::copy(&mut source.take(length.into()), &mut io::sink())?;
            Ok(None)
        }
        Err(error) => Err(io::Error::other(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn expanded(octets: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        expand(io::Cursor::new(octets))?.read_to_end(&mut out).map(|_| out)
    }

    fn content() -> Vec<u8> {
        (0..200_000_u32).flat_map(|number| (number / 7).to_le_bytes()).collect()
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(content: &[u8]) -> Vec<u8> {
        compress_to_vec(content, CompressionLevel::Fastest)
    }

    #[test]
    fn plain_and_short_files_stay_as_they_are() {
        for octets in [vec![], vec![0x1f], GZIP[..1].to_vec(), b"abc".to_vec(), content()] {
            assert_eq!(expanded(octets.clone()).unwrap(), octets);
        }
    }

    #[test]
    fn members_and_frames_may_follow_each_other() {
        let (one, two) = (content(), b"the end".to_vec());
        let both = [one.clone(), two.clone()].concat();
        assert_eq!(expanded([gzip(&one), gzip(&two)].concat()).unwrap(), both);
        let skippable = [&[0x5f, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"???"].concat();
        assert_eq!(expanded([skippable.clone(), zstd(&one), skippable, zstd(&two)].concat()).unwrap(), both);
    }

    #[test]
    fn what_is_cut_or_garbled_is_an_error() {
        for whole in [gzip(&content()), zstd(&content())] {
            for length in [5, 20, whole.len() / 2, whole.len() - 1] {
                assert!(expanded(whole[..length].to_vec()).is_err(), "{length} of {}", whole.len());
            }
            let mut garbled = whole.clone();
            let end = garbled.len() - 6;
            garbled[end..].fill(0x55);
            assert!(expanded(garbled).is_err());
        }
    }
}
