//! Captures read: every format, byte order and compression, whole, cut, lying and garbled.

#![allow(clippy::unwrap_used)] // A test that cannot go on has failed.

use std::io::{Cursor, Write};
use std::path::Path;
use std::time::Duration;

use firsthop::capture::{Damage, DamageKind, Direction, LinkType, OpenError, Reader, Writer};
use flate2::Compression;
use flate2::write::GzEncoder;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::{DataLink, Endianness, TsResolution};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// A frame as it was read, out of the reader's window.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    number: u64,
    at: u64,
    original: u32,
    octets: Vec<u8>,
    link: LinkType,
    interface: Option<String>,
    offset: u64,
    comments: Vec<String>,
    direction: Option<Direction>,
}

fn read(octets: &[u8]) -> (Vec<Seen>, Vec<Damage>) {
    read_on(Reader::new("test", Cursor::new(octets.to_vec())).unwrap())
}

fn read_on(mut reader: Reader) -> (Vec<Seen>, Vec<Damage>) {
    let (mut seen, mut damages) = (Vec::new(), Vec::new());
    while let Some(next) = reader.next_frame() {
        match next {
            Ok(frame) => seen.push(Seen {
                number: frame.number,
                at: frame.at,
                original: frame.original,
                octets: frame.octets.to_vec(),
                link: frame.link(),
                interface: frame.interface.name.clone(),
                offset: frame.offset,
                comments: frame.comments().map(|text| text.into_owned()).collect(),
                direction: frame.direction(),
            }),
            Err(damage) => damages.push(damage),
        }
        assert!(damages.len() < 100_000, "this never ends");
    }
    assert!(reader.next_frame().is_none());
    (seen, damages)
}

const START: u64 = 1_795_500_000_000_000_000;

/// Some frames, a millisecond apart.
fn frames(count: u64) -> Vec<(u64, Vec<u8>)> {
    let octets = |number: u64| (0..20 + number % 60).map(|octet| (octet + number).to_le_bytes()[0]).collect();
    (0..count).map(|number| (START + number * 1_000_000, octets(number))).collect()
}

fn pcap(frames: &[(u64, Vec<u8>)], endianness: Endianness, ts_resolution: TsResolution) -> Vec<u8> {
    let header = PcapHeader { endianness, ts_resolution, datalink: DataLink::RAW, ..PcapHeader::default() };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    for (at, octets) in frames {
        let packet = PcapPacket::new(Duration::from_nanos(*at), octets.len() as u32 + 7, octets);
        writer.write_packet(&packet).unwrap();
    }
    writer.into_writer()
}

/// Numbers in one byte order.
#[derive(Debug, Clone, Copy)]
struct Order {
    big_endian: bool,
}

const LITTLE: Order = Order { big_endian: false };
const BIG: Order = Order { big_endian: true };

impl Order {
    fn u16(self, number: u16) -> [u8; 2] {
        if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn u32(self, number: u32) -> [u8; 4] {
        if self.big_endian { number.to_be_bytes() } else { number.to_le_bytes() }
    }

    fn block(self, kind: u32, content: &[u8]) -> Vec<u8> {
        let padded = content.len().next_multiple_of(4);
        let length = self.u32(padded as u32 + 12);
        let padding = vec![0; padded - content.len()];
        [&self.u32(kind)[..], &length, content, &padding, &length].concat()
    }

    fn section(self) -> Vec<u8> {
        let content = [&self.u32(0x1a2b_3c4d)[..], &self.u16(1), &self.u16(0), &[0xff; 8]].concat();
        self.block(0x0a0d_0d0a, &content)
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
        [&self.u16(code)[..], &self.u16(value.len() as u16), value, &padding].concat()
    }

    fn interface(self, link: u16, options: &[Vec<u8>]) -> Vec<u8> {
        self.block(1, &[&self.u16(link)[..], &[0, 0], &self.u32(100), &options.concat()].concat())
    }

    fn enhanced(self, interface: u32, units: u64, octets: &[u8], options: &[Vec<u8>]) -> Vec<u8> {
        let length = self.u32(octets.len() as u32);
        let (high, low) = (self.u32((units >> 32) as u32), self.u32(units as u32));
        let padding = vec![0; octets.len().next_multiple_of(4) - octets.len()];
        let parts =
            [&self.u32(interface)[..], &high, &low, &length, &length, octets, &padding, &options.concat()];
        self.block(6, &parts.concat())
    }
}

fn pcapng(frames: &[(u64, Vec<u8>)], order: Order) -> Vec<u8> {
    let mut file = order.section();
    file.extend(order.interface(101, &[order.option(9, &[9])]));
    frames.iter().for_each(|(at, octets)| file.extend(order.enhanced(0, *at, octets, &[])));
    file
}

/// The same frames in every format there is, with the nanoseconds that it can say.
fn formats(frames: &[(u64, Vec<u8>)]) -> Vec<(Vec<u8>, u64)> {
    use Endianness::{Big, Little};
    use TsResolution::{MicroSecond, NanoSecond};
    vec![
        (pcap(frames, Little, MicroSecond), 1_000),
        (pcap(frames, Big, MicroSecond), 1_000),
        (pcap(frames, Little, NanoSecond), 1),
        (pcap(frames, Big, NanoSecond), 1),
        (pcapng(frames, LITTLE), 1),
        (pcapng(frames, BIG), 1),
    ]
}

fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_format_says_the_same_compressed_or_not() {
    let frames = frames(5_000);
    for (file, _) in formats(&frames) {
        let plain = read(&file);
        assert_eq!(plain.1, []);
        assert!(
            plain
                .0
                .iter()
                .map(|seen| (seen.at, &seen.octets))
                .eq(frames.iter().map(|(at, octets)| (*at, octets)))
        );
        assert!(plain.0.iter().enumerate().all(|(place, seen)| seen.number == place as u64 + 1));
        assert!(plain.0.iter().all(|seen| seen.link == LinkType::Raw));
        assert_eq!(read(&gzip(&file)), plain);
        assert_eq!(read(&compress_to_vec(&file[..], CompressionLevel::Fastest)), plain);
    }
}

#[test]
fn what_the_writer_writes_is_read_back() {
    let mut writer = Writer::new(Vec::new()).unwrap();
    let comments = ["one".to_owned(), "zwei – deux".to_owned()];
    writer.frame("eth0", START + 1, Direction::Inbound, &[1, 2, 3], &[]).unwrap();
    writer.frame("r1-lan", START + 2, Direction::Outbound, &[4; 60], &comments).unwrap();
    writer.cut_frame("eth0", START + 3, Direction::Inbound, &[5; 16], 1500, &[]).unwrap();
    writer.flush().unwrap();
    let (seen, damages) = read(&writer.into_inner());
    assert_eq!(damages, []);
    let names: Vec<_> = seen.iter().map(|seen| seen.interface.as_deref().unwrap()).collect();
    assert_eq!(names, ["eth0", "r1-lan", "eth0"]);
    assert_eq!(seen[1].comments, comments);
    assert!(seen[0].comments.is_empty());
    assert_eq!(seen.iter().map(|seen| seen.at - START).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(seen[2].original, 1500);
    assert_eq!((seen[0].direction, seen[1].direction), (Some(Direction::Inbound), Some(Direction::Outbound)));
    assert!(seen.iter().all(|seen| seen.link == LinkType::Ethernet));
}

#[test]
fn clocks_count_in_many_ways() {
    for order in [LITTLE, BIG] {
        let seconds = 1_795_500_000_u64;
        let clock = |options: &[Vec<u8>], units| {
            let file =
                [order.section(), order.interface(1, options), order.enhanced(0, units, &[0; 14], &[])];
            let (seen, damages) = read(&file.concat());
            assert_eq!(damages, []);
            seen[0].at
        };
        let resolution = |code: u8| vec![order.option(9, &[code]), order.option(0, &[])];
        assert_eq!(clock(&[], seconds * 1_000_000 + 5), START + 5_000);
        assert_eq!(clock(&resolution(3), seconds * 1_000 + 5), START + 5_000_000);
        assert_eq!(clock(&resolution(0), seconds), START);
        assert_eq!(clock(&resolution(10), seconds * 10_000_000_000 + 19), START + 1);
        assert_eq!(clock(&resolution(0x80 | 20), seconds << 20 | 1 << 19), START + 500_000_000);
        assert_eq!(clock(&resolution(0x80), seconds), START);
        let offset =
            |seconds: i64| if order.big_endian { seconds.to_be_bytes() } else { seconds.to_le_bytes() };
        assert_eq!(clock(&[order.option(14, &offset(1_795_500_000))], 5), START + 5_000);
        assert_eq!(clock(&[order.option(14, &offset(-10))], 11_000_000), 1_000_000_000);
        // Nonsense is bounded, and no reason to panic.
        for code in 0..=u8::MAX {
            clock(&[order.option(9, &[code]), order.option(14, &offset(i64::MIN))], u64::MAX);
            clock(&[order.option(9, &[code]), order.option(14, &offset(i64::MAX))], u64::MAX);
        }
    }
}

#[test]
fn sections_have_their_own_byte_order_and_interfaces() {
    let name = |order: Order, name: &str| order.option(2, name.as_bytes());
    let file = [
        LITTLE.section(),
        LITTLE.interface(1, &[name(LITTLE, "first")]),
        LITTLE.interface(113, &[name(LITTLE, "second")]),
        LITTLE.enhanced(1, 7, &[1; 9], &[LITTLE.option(1, b"hello")]),
        BIG.section(),
        BIG.interface(276, &[name(BIG, "third")]),
        BIG.block(0x0bad, &[0; 400_000]),
        BIG.enhanced(0, 8, &[2; 10], &[BIG.option(2, &[0, 0, 0, 2]), BIG.option(1, b"bye")]),
        // Neither of these has been written by anything for long.
        BIG.block(
            2,
            &[&[0, 0, 0, 9][..], &[0; 4], &[0, 0, 0, 9], &[0, 0, 0, 2], &[0, 0, 0, 2], &[3; 2]].concat(),
        ),
        BIG.block(3, &[&[0, 0, 0, 6][..], &[4; 6]].concat()),
    ];
    let (seen, damages) = read(&file.concat());
    assert_eq!(damages, []);
    let said: Vec<_> =
        seen.iter().map(|seen| (seen.interface.as_deref().unwrap(), seen.at, seen.octets.clone())).collect();
    assert_eq!(
        said,
        [
            ("second", 7_000, vec![1; 9]),
            ("third", 8_000, vec![2; 10]),
            ("third", 9_000, vec![3; 2]),
            ("third", 9_000, vec![4; 6])
        ]
    );
    assert_eq!((seen[0].link, seen[1].link), (LinkType::Cooked, LinkType::Cooked2));
    assert_eq!((seen[0].comments[0].as_str(), seen[1].comments[0].as_str()), ("hello", "bye"));
    assert_eq!(seen[1].direction, Some(Direction::Outbound));
}

#[test]
fn a_file_cut_anywhere_gives_the_frames_before_the_cut() {
    for (file, _) in formats(&frames(12)) {
        let (whole, _) = read(&file);
        let ends = |seen: &Seen| {
            whole
                .iter()
                .find(|later| later.offset > seen.offset)
                .map_or(file.len() as u64, |later| later.offset)
        };
        for length in 0..file.len() {
            let cut = &file[..length];
            let reader = match Reader::new("cut", Cursor::new(cut.to_vec())) {
                Ok(reader) => reader,
                Err(error) => {
                    assert!(length < 24, "{error}");
                    continue;
                }
            };
            let (seen, damages) = read_on(reader);
            let expected = whole.iter().filter(|seen| ends(seen) <= length as u64).count();
            assert_eq!(seen, whole[..expected], "cut at {length}");
            let is_between = length == 24
                || whole.iter().any(|seen| ends(seen) == length as u64 || seen.offset == length as u64);
            assert!(damages.len() <= 1);
            assert!(is_between || damages.len() == 1 || length == 28, "cut at {length} and not a word");
            if let [damage] = &damages[..] {
                assert_eq!(damage.frame, expected as u64 + 1);
                assert!(damage.to_string().contains("the file ends after"), "{damage}");
            }
        }
    }
}

#[test]
fn behind_a_lie_reading_goes_on() {
    for (file, _) in formats(&frames(40)) {
        let (whole, _) = read(&file);
        let lie_at = |place: usize| {
            whole[place].offset as usize + if file[..4] == [0x0a, 0x0d, 0x0d, 0x0a] { 4 } else { 8 }
        };
        for lie in [[0xff; 4], [0x40, 0, 0, 0x40], [0, 0xc0, 0xc0, 0]] {
            let mut lying = file.clone();
            lying[lie_at(10)..lie_at(10) + 4].copy_from_slice(&lie);
            let (seen, damages) = read(&lying);
            assert!(!damages.is_empty(), "{lie:x?}");
            assert_eq!((damages[0].frame, damages[0].offset), (11, whole[10].offset));
            let octets = |seen: &[Seen]| seen.iter().map(|seen| seen.octets.clone()).collect::<Vec<_>>();
            assert_eq!(octets(&seen[..10]), octets(&whole[..10]));
            assert_eq!(octets(&seen[seen.len() - 29..]), octets(&whole[11..]), "{lie:x?}: {damages:?}");
            assert!(seen.len() <= 40, "{lie:x?}");
        }
    }
}

#[test]
fn a_lie_in_every_third_record_costs_no_time() {
    let frames: Vec<_> = frames(60_000).into_iter().map(|(at, _)| (at, vec![7; 60])).collect();
    for (mut file, _) in formats(&frames) {
        let (whole, _) = read(&file);
        let is_pcapng = file[..4] == [0x0a, 0x0d, 0x0d, 0x0a];
        for seen in whole.iter().skip(1).step_by(3) {
            let at = seen.offset as usize + if is_pcapng { 4 } else { 8 };
            file[at..at + 4].fill(0xff);
        }
        let (seen, damages) = read(&file);
        assert_eq!((seen.len(), damages.len()), (40_000, 21));
        assert_eq!(damages[20].kind, DamageKind::More(19_980));
    }
}

#[test]
fn a_frame_that_contradicts_its_block_costs_only_itself() {
    let good = LITTLE.enhanced(0, 1, &[1; 20], &[]);
    let mut long = LITTLE.enhanced(0, 2, &[2; 20], &[]);
    long[20..24].copy_from_slice(&99_u32.to_le_bytes());
    let file = [
        LITTLE.section(),
        LITTLE.interface(1, &[]),
        good.clone(),
        long,
        LITTLE.enhanced(5, 3, &[3; 20], &[]),
        LITTLE.block(6, &[0; 8]),
        LITTLE.block(1, &[0; 4]),
        good,
    ];
    let (seen, damages) = read(&file.concat());
    assert_eq!(seen.iter().map(|seen| seen.number).collect::<Vec<_>>(), [1, 2]);
    let said: Vec<_> = damages.iter().map(Damage::to_string).collect();
    assert_eq!(
        said,
        [
            "test: frame 2 at offset 100: 99 octets captured in a block that has room for 20",
            "test: frame 2 at offset 152: a frame of interface 5, which the file has not described",
            "test: frame 2 at offset 204: 0 octets captured in a block that has room for 8",
            "test: frame 2 at offset 224: 8 octets captured in a block that has room for 4",
        ]
    );
}

#[test]
fn what_is_no_capture_is_told_so() {
    let open = |octets: &[u8]| {
        Reader::new("some.pcap", Cursor::new(octets.to_vec())).map(drop).unwrap_err().to_string()
    };
    assert_eq!(open(&[]), "some.pcap: an empty file, not even the header of a capture");
    assert_eq!(
        open(b"hello"),
        "some.pcap: begins with 68656c6c, which no capture (pcap or pcapng) begins with"
    );
    for cut in [&[0xd4, 0xc3][..], &[0x0a, 0x0d, 0x0d], &[0xd4, 0xc3, 0xb2, 0xa1, 2, 0]] {
        assert_eq!(open(cut), "some.pcap: ends within the header of the capture");
    }
    let mut old = pcap(&[], Endianness::Big, TsResolution::MicroSecond);
    old[5] = 1;
    assert_eq!(open(&old), "some.pcap: version 1.4 of pcap, must be 2.x");
    let missing = Reader::open(Path::new("/nonexistent/some.pcap")).map(drop).unwrap_err();
    assert!(matches!(&missing, OpenError::Io { file, .. } if file == "/nonexistent/some.pcap"), "{missing}");
}

#[test]
fn more_captured_than_there_was_is_told_and_handed_out() {
    for (mut file, _) in formats(&frames(3)) {
        let (whole, _) = read(&file);
        let is_pcapng = file[..4] == [0x0a, 0x0d, 0x0d, 0x0a];
        let original = whole[1].offset as usize + if is_pcapng { 24 } else { 12 };
        file[original..original + 4].fill(0);
        let (seen, damages) = read(&file);
        assert_eq!(seen.len(), 3);
        let [damage] = &damages[..] else { panic!("{damages:?}") };
        assert_eq!((damage.frame, damage.offset), (2, whole[1].offset));
        let captured = whole[1].octets.len();
        assert_eq!(damage.kind, DamageKind::Original { captured, original: 0 });
    }
}

#[test]
fn a_foreign_link_layer_is_told_once() {
    let mut file = pcap(&frames(3), Endianness::Big, TsResolution::MicroSecond);
    file[22..24].copy_from_slice(&147_u16.to_be_bytes());
    let (seen, damages) = read(&file);
    assert_eq!((seen.len(), damages.len()), (3, 1));
    assert_eq!(
        damages[0].to_string(),
        "test: frame 1 at offset 24: link type 147, which none of the protocols runs over; such frames are \
         passed over"
    );
}

#[test]
fn garbage_behind_a_header_ends() {
    let mut number = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = || {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        number.to_le_bytes()
    };
    for (mut file, _) in formats(&frames(1)) {
        file.extend((0..500_000).flat_map(|_| noise()));
        let (seen, damages) = read(&file);
        assert!(!seen.is_empty() && !damages.is_empty());
    }
}

proptest! {
    #[test]
    fn any_frames_are_read_back(
        frames in prop::collection::vec((0..u64::from(u32::MAX) * 1_000_000_000, prop::collection::vec(any::<u8>(), 0..200)), 0..20)
    ) {
        for (file, grain) in formats(&frames) {
            let (seen, damages) = read(&file);
            prop_assert_eq!(damages, []);
            prop_assert_eq!(seen.len(), frames.len());
            for (seen, (at, octets)) in seen.iter().zip(&frames) {
                prop_assert_eq!(seen.at, at - at % grain);
                prop_assert_eq!(&seen.octets, octets);
            }
        }
    }

    #[test]
    fn no_change_of_octets_panics_or_never_ends(
        which in 0..6_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let (mut file, _) = formats(&frames(10)).swap_remove(which);
        for (place, octet) in changes {
            let place = place.index(file.len());
            file[place] = octet;
        }
        if let Ok(reader) = Reader::new("changed", Cursor::new(file)) {
            let (seen, _) = read_on(reader);
            prop_assert!(seen.iter().all(|seen| seen.octets.len() <= 262_144));
        }
    }
}
