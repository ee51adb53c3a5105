//! Real frames, and the worked examples of the schemes that no specification has.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::time::Duration;

use fhrp::Protocol;
use support::{AH_21, AH_22, CARP, CISCO_OWNER, Frame, MIKROTIK_TEXT, MIKROTIK_V3, MIKROTIK_V6, hex, ip};
use vrrp::PROTOCOL;
use vrrp::auth::{AuthRefusal, Guard};
use vrrp::config::{AntiReplay, Authentication, Hmac, HmacMode, Key, Secret};
use vrrp::wire::{
    Advertisement, ChecksumForm, Credentials, Heard, MULTICAST_V4, Version, WireError, emit, parse, peek,
};

fn advertisement(version: Version, vrid: u8, priority: u8, ms: u64, addresses: &[&str]) -> Advertisement {
    Advertisement {
        version,
        vrid,
        priority,
        interval: Duration::from_millis(ms),
        addresses: addresses.iter().map(|text| ip(text)).collect(),
    }
}

fn key(id: u32, text: &str) -> Key {
    Key { id, secret: Secret::new(text) }
}

fn hmac(mode: HmacMode, anti_replay: AntiReplay) -> Authentication {
    let secret = Secret::new((0..32).collect::<Vec<u8>>());
    Authentication::Hmac(Hmac { keys: vec![Key { id: 1, secret }], mode, anti_replay })
}

/// The wall clock of the HMAC example: 0x6b038b59 s and 0x76de / 65536 s.
const HMAC_WALL: Duration = Duration::new(0x6b03_8b59, 464_325_000);

#[test]
fn cisco_owner_of_version_2() {
    let frame = Frame::ethernet(CISCO_OWNER);
    let received = frame.received();
    let heard = parse(&received).unwrap();
    assert_eq!(heard.advertisement, advertisement(Version::V2, 1, 255, 1000, &["10.0.0.1"]));
    assert_eq!(heard.credentials, Credentials::None);
    assert_eq!(heard.checksum, ChecksumForm::MessageOnly);
    assert_eq!(PROTOCOL.group_of(&received), Some(1));
    let again = emit(
        &heard.advertisement,
        ChecksumForm::PseudoHeader,
        received.source,
        received.destination,
        0,
        [0; 8],
    );
    assert_eq!(again, received.payload);
}

#[test]
fn mikrotik_text_password() {
    let frame = Frame::ethernet(MIKROTIK_TEXT);
    let received = frame.received();
    let heard = parse(&received).unwrap();
    let said = advertisement(Version::V2, 42, 191, 10_000, &["10.4.42.1", "10.4.42.2", "10.4.42.3"]);
    assert_eq!(heard.advertisement, said);
    assert_eq!(heard.credentials, Credentials::Text(*b"abcdefgh"));

    let mut guard = Guard::new(&Authentication::Text(Secret::new("abcdefgh and more")));
    assert_eq!(guard.admit(&received, &heard, Duration::ZERO), Ok(()));
    let sealed = guard.seal(
        &said,
        ChecksumForm::MessageOnly,
        received.source,
        received.destination,
        0,
        false,
        Duration::ZERO,
    );
    assert_eq!((sealed.protocol, &sealed.payload[..]), (112, received.payload));

    let mut other = Guard::new(&Authentication::Text(Secret::new("abcdefg")));
    assert_eq!(other.admit(&received, &heard, Duration::ZERO), Err(AuthRefusal::Password));
    let refusal = Guard::new(&Authentication::None).admit(&received, &heard, Duration::ZERO).unwrap_err();
    assert_eq!(refusal.counter(), "authentication-type-mismatch");
    assert_eq!(refusal.to_string(), "text authentication, must be no authentication");
}

#[test]
fn mikrotik_version_3_has_a_pseudo_header() {
    let frame = Frame::ethernet(MIKROTIK_V3);
    let received = frame.received();
    let heard = parse(&received).unwrap();
    assert_eq!(
        heard.advertisement,
        advertisement(Version::V3, 44, 191, 10_000, &["10.4.44.100", "10.4.44.200"])
    );
    assert_eq!(heard.checksum, ChecksumForm::PseudoHeader);
    assert!(heard.checksum_fits(ChecksumForm::PseudoHeader));
    assert!(!heard.checksum_fits(ChecksumForm::MessageOnly));
}

#[test]
fn mikrotik_version_3_over_ipv6() {
    let frame = Frame::ethernet(MIKROTIK_V6);
    let received = frame.received();
    let heard = parse(&received).unwrap();
    let said = advertisement(Version::V3, 45, 191, 10_000, &["fe80::200:5eff:fe00:22d", "2001::abcd:a"]);
    assert_eq!(heard.advertisement, said);
    assert_eq!(PROTOCOL.group_of(&received), Some(45));
    let again = emit(&said, ChecksumForm::MessageOnly, received.source, received.destination, 0, [0; 8]);
    assert_eq!(again, received.payload);
}

#[test]
fn the_three_checksums_of_version_3_over_ipv4() {
    let said = advertisement(Version::V3, 51, 150, 1000, &["192.0.2.100"]);
    let from = ip("192.0.2.1");
    let cases = [
        (ChecksumForm::MessageOnly, "224.0.0.18", "313396010064 7602 c0000264"),
        (ChecksumForm::PseudoHeader, "224.0.0.18", "313396010064 d371 c0000264"),
        (ChecksumForm::PseudoHeader, "192.0.2.2", "313396010064 f181 c0000264"),
    ];
    for (form, to, octets) in cases {
        assert_eq!(emit(&said, form, from, ip(to), 0, [0; 8]), hex(octets));
        let frame = Frame::vrrp("192.0.2.1", to, octets);
        let received = frame.received();
        let heard = parse(&received).unwrap();
        assert_eq!((&heard.advertisement, heard.checksum), (&said, form));
        assert!(!heard.old_unicast_checksum);
    }
}

#[test]
fn old_keepalived_takes_the_group_for_the_destination() {
    let frame = Frame::vrrp("192.0.2.1", "192.0.2.2", "313396010064 d371 c0000264");
    let received = frame.received();
    let heard = parse(&received).unwrap();
    assert_eq!(heard.checksum, ChecksumForm::PseudoHeader);
    assert!(heard.old_unicast_checksum);

    let wrong = Frame::vrrp("192.0.2.1", "224.0.0.18", "313396010064 f181 c0000264");
    let error = parse(&wrong.received()).unwrap_err();
    assert_eq!(error, WireError::Checksum { found: 0xf181, expected: 0x7602 });
    assert_eq!(error.to_string(), "checksum f181, must be 7602");
}

#[test]
fn keepalived_version_3_over_ipv6() {
    let said = advertisement(Version::V3, 51, 150, 1000, &["fe80::51", "2001:db8::100"]);
    let octets = emit(&said, ChecksumForm::MessageOnly, ip("fe80::ff:fe00:1"), ip("ff02::12"), 0, [0; 8]);
    assert_eq!(octets[6..8], [0x0d, 0xac]);
}

#[test]
fn authentication_headers_in_their_order() {
    let mut guard = Guard::new(&Authentication::AuthenticationHeader(Secret::new("monkey")));
    let frames = [Frame::ethernet(AH_21), Frame::ethernet(AH_22)];
    let [first, second] = frames.each_ref().map(Frame::received);
    let said = advertisement(Version::V2, 51, 101, 1000, &["10.0.1.140"]);
    let heard = parse(&first).unwrap();
    assert_eq!(heard.advertisement, said);
    assert_eq!(PROTOCOL.group_of(&first), Some(51));
    assert_eq!(peek(&first).map(|peek| (peek.version, peek.vrid, peek.priority)), Some((2, 51, 101)));
    assert_eq!(guard.admit(&first, &heard, Duration::ZERO), Ok(()));
    let again = guard.admit(&first, &heard, Duration::ZERO).unwrap_err();
    assert_eq!(again, AuthRefusal::HeaderReplayed { heard: 21, last: 21 });

    // Whoever takes over counts on: with the other router's address this is its very frame.
    let sealed = guard.seal(
        &said,
        ChecksumForm::MessageOnly,
        second.source,
        second.destination,
        0x16,
        false,
        Duration::ZERO,
    );
    assert_eq!((sealed.protocol, &sealed.payload[..]), (51, second.payload));
    let heard = parse(&second).unwrap();
    assert_eq!(guard.admit(&second, &heard, Duration::ZERO), Ok(()));
    let again = guard.admit(&second, &heard, Duration::ZERO).unwrap_err();
    assert_eq!(again.counter(), "authentication-failures");

    let mut stranger = Guard::new(&Authentication::AuthenticationHeader(Secret::new("donkey")));
    assert_eq!(stranger.admit(&second, &heard, Duration::ZERO), Err(AuthRefusal::HeaderDigest));
}

#[test]
fn unicast_authentication_headers_do_not_cover_the_ttl() {
    let config = Authentication::AuthenticationHeader(Secret::new("monkey"));
    let said = advertisement(Version::V2, 51, 101, 1000, &["10.0.1.140"]);
    let (from, to) = (ip("192.0.2.1"), ip("192.0.2.2"));
    let sealed =
        Guard::new(&config).seal(&said, ChecksumForm::MessageOnly, from, to, 7, true, Duration::ZERO);
    let mut frame = Frame::datagram(from, to, 7, sealed.protocol, &sealed.payload);
    frame.ip[8] = 61;
    let received = frame.received();
    let heard = parse(&received).unwrap();
    assert_eq!(Guard::new(&config).admit(&received, &heard, Duration::ZERO), Ok(()));
    assert_eq!(Guard::new(&config).overhead(), 24);
}

#[test]
fn an_authentication_header_and_its_type_belong_together() {
    let mut bare = Frame::vrrp("192.168.124.1", "224.0.0.18", "2133650102016c3e0a00018c0000000000000000");
    let config = Authentication::AuthenticationHeader(Secret::new("monkey"));
    let received = bare.received();
    let heard = parse(&received).unwrap();
    let refusal = Guard::new(&config).admit(&received, &heard, Duration::ZERO).unwrap_err();
    assert_eq!(refusal.to_string(), "authentication type 2, which needs an Authentication Header");

    // The same message, said to be without authentication.
    bare.payload_mut()[4] = 0;
    bare.payload_mut()[6] += 2;
    let mut inside = hex("70040000c0a87c0100000015ad719a912d50a53935d9ad41");
    inside.extend(bare.received().payload);
    let wrapped = Frame::datagram(ip("192.168.124.1"), MULTICAST_V4, 21, 51, &inside);
    let received = wrapped.received();
    let heard = parse(&received).unwrap();
    assert_eq!(heard.credentials, Credentials::Contradictory(0));
    let refusal = Guard::new(&Authentication::None).admit(&received, &heard, Duration::ZERO).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "authentication type 0, which must not be inside an Authentication Header"
    );
}

#[test]
fn cisco_md5_with_a_key_string() {
    let octets = "2101c801fe0330930a00001e0000000000000000
        fe1c010000000a00000a0000000019b30f74c7ba6486ced3151a50514b79";
    let said = advertisement(Version::V2, 1, 200, 3000, &["10.0.0.30"]);
    assert_cisco(&[key(0, "123456789")], "10.0.0.10", octets, &said);
}

#[test]
fn cisco_md5_with_a_key_chain() {
    let keys = [key(1, "password12345")];
    let octets = "21016401fe018c5e0a00000a0000000000000000
        fe1c010000000a00000100000001a82d0d0ae8898cb6e7194a02095d7882";
    assert_cisco(&keys, "10.0.0.1", octets, &advertisement(Version::V2, 1, 100, 1000, &["10.0.0.10"]));
    let goodbye = "21010001fe01caf00a00000a0000000000000000
        fe1c010000000a00000100000001fcae3bff6c29eb2a76fe9939fbe766bf";
    assert_cisco(&keys, "10.0.0.1", goodbye, &advertisement(Version::V2, 1, 0, 1000, &["10.0.0.10"]));

    let frame = Frame::vrrp("10.0.0.1", "224.0.0.18", octets);
    let received = frame.received();
    let heard = parse(&received).unwrap();
    let judge =
        |keys: Vec<Key>| Guard::new(&Authentication::CiscoMd5(keys)).admit(&received, &heard, Duration::ZERO);
    assert_eq!(judge(vec![key(2, "password12345")]), Err(AuthRefusal::CiscoUnknownKey(1)));
    assert_eq!(judge(vec![key(1, "password1234")]), Err(AuthRefusal::CiscoDigest));
    assert_eq!(judge(vec![key(2, "new"), key(1, "password12345")]), Ok(()));
}

fn assert_cisco(keys: &[Key], from: &str, octets: &str, said: &Advertisement) {
    let frame = Frame::vrrp(from, "224.0.0.18", octets);
    let received = frame.received();
    let heard = parse(&received).unwrap();
    assert_eq!(&heard.advertisement, said);
    let mut guard = Guard::new(&Authentication::CiscoMd5(keys.to_vec()));
    assert_eq!(guard.admit(&received, &heard, Duration::ZERO), Ok(()));
    let sealed =
        guard.seal(said, ChecksumForm::MessageOnly, ip(from), MULTICAST_V4, 0, false, Duration::ZERO);
    assert_eq!((sealed.protocol, &sealed.payload[..]), (112, received.payload));
    assert_eq!(guard.overhead(), 30);
}

const HMAC_PDU: &str = "213396010001 8665 c0000264 0000000000000000";
const HMAC_TRAILER: &str = "01010000 6b038b59 76de 0000 50f9f805d48e18ab68505ca5bb8cfa09";

#[test]
fn keepalived_hmac_trailer() {
    let frame = Frame::vrrp("192.0.2.1", "224.0.0.18", &[HMAC_PDU, HMAC_TRAILER].concat());
    let received = frame.received();
    let heard = parse(&received).unwrap();
    let said = advertisement(Version::V2, 51, 150, 1000, &["192.0.2.100"]);
    assert_eq!(heard.advertisement, said);

    let mut guard = Guard::new(&hmac(HmacMode::Enforce, AntiReplay::Window(Duration::from_secs(5))));
    assert_eq!(guard.admit(&received, &heard, HMAC_WALL), Ok(()));
    assert_eq!(guard.admit(&received, &heard, HMAC_WALL), Err(AuthRefusal::HmacReplayed));
    let sealed = guard.seal(
        &said,
        ChecksumForm::MessageOnly,
        received.source,
        received.destination,
        0,
        false,
        HMAC_WALL,
    );
    assert_eq!(sealed.payload, received.payload);
    assert_eq!(guard.overhead(), 28);
}

#[test]
fn each_fault_of_an_hmac_trailer_has_its_counter() {
    let window = AntiReplay::Window(Duration::from_secs(5));
    let judge = |trailer: &str, config: &Authentication, wall: Duration| {
        let frame = Frame::vrrp("192.0.2.1", "224.0.0.18", &[HMAC_PDU, trailer].concat());
        let received = frame.received();
        let heard: Heard<'_> = parse(&received).unwrap();
        Guard::new(config).admit(&received, &heard, wall).map_err(|refusal| refusal.counter())
    };
    let enforce = hmac(HmacMode::Enforce, window);
    assert_eq!(judge("", &enforce, HMAC_WALL), Err("hmac-missing"));
    assert_eq!(judge("", &hmac(HmacMode::Permissive, window), HMAC_WALL), Ok(()));
    assert_eq!(judge("", &hmac(HmacMode::ReceiveOnly, window), HMAC_WALL), Ok(()));
    let changed = |from: &str, to: &str| HMAC_TRAILER.replacen(from, to, 1);
    assert_eq!(judge(&changed("0101", "0201"), &enforce, HMAC_WALL), Err("hmac-malformed"));
    assert_eq!(judge(&changed("0000", "0001"), &enforce, HMAC_WALL), Err("hmac-malformed"));
    assert_eq!(judge(&changed("0101", "0102"), &enforce, HMAC_WALL), Err("hmac-unknown-key"));
    assert_eq!(judge(&changed("50f9", "50f8"), &enforce, HMAC_WALL), Err("hmac-invalid"));
    assert_eq!(judge(&changed("76de", "76df"), &enforce, HMAC_WALL), Err("hmac-invalid"));
    for wall in [HMAC_WALL + Duration::from_secs(6), HMAC_WALL - Duration::from_secs(6)] {
        assert_eq!(judge(HMAC_TRAILER, &enforce, wall), Err("hmac-stale"));
        assert_eq!(judge(HMAC_TRAILER, &hmac(HmacMode::Enforce, AntiReplay::Monotonic), wall), Ok(()));
    }
    assert_eq!(judge(HMAC_TRAILER, &hmac(HmacMode::ReceiveOnly, window), HMAC_WALL), Ok(()));
    assert_eq!(judge(HMAC_TRAILER, &Authentication::None, HMAC_WALL), Err("authentication-type-mismatch"));
}

#[test]
fn carp_is_not_ours() {
    let frame = Frame::ethernet(CARP);
    assert_eq!(PROTOCOL.group_of(&frame.received()), None);
    // Over IPv6 whatever says version 2 is CARP's.
    let over_ipv6 = Frame::vrrp("fe80::1", "ff02::12", "2101000700010000");
    assert_eq!(PROTOCOL.group_of(&over_ipv6.received()), None);
    // Seven addresses, and their 44 octets.
    let seven = advertisement(Version::V2, 9, 100, 1000, &["10.0.0.1"; 7]);
    let octets = emit(&seven, ChecksumForm::MessageOnly, ip("10.0.0.2"), MULTICAST_V4, 0, [0; 8]);
    let frame = Frame::datagram(ip("10.0.0.2"), MULTICAST_V4, 0, 112, &octets);
    assert_eq!(PROTOCOL.group_of(&frame.received()), Some(9));
}

/// keepalived 2.2.7, unicast, key `monkey`: our own capture.
const KEEPALIVED_UNICAST_AH: &str = "ee4ea458b45f ee2d24c050df 0800
    4500004000010000ff3336c6c0000201c0000202
    70040000c000020100000001ff0f42b7193e0ab1211242f3
    213396010201 8465 c0000264 0000000000000000";

#[test]
fn keepalived_zeroes_the_ttl_of_unicast_in_the_digest() {
    let config = Authentication::AuthenticationHeader(Secret::new("monkey"));
    let frame = Frame::ethernet(KEEPALIVED_UNICAST_AH);
    let received = frame.received();
    let heard = parse(&received).unwrap();
    assert_eq!(Guard::new(&config).admit(&received, &heard, Duration::ZERO), Ok(()));
    let sealed = Guard::new(&config).seal(
        &heard.advertisement,
        ChecksumForm::MessageOnly,
        received.source,
        received.destination,
        1,
        true,
        Duration::ZERO,
    );
    assert_eq!((sealed.protocol, &sealed.payload[..]), (51, received.payload));
}

#[test]
fn keepalived_version_3_by_unicast_and_over_ipv6() {
    let unicast = "ee4ea458b45f ee2d24c050df 0800 4500
        002000010000ff7036a9c0000201c0000202 313396010064f181c0000264";
    let frame = Frame::ethernet(unicast);
    let heard = parse(&frame.received()).map(|heard| (heard.checksum, heard.old_unicast_checksum));
    assert_eq!(heard, Ok((ChecksumForm::PseudoHeader, false)));

    let over_ipv6 = "333300000012 ee2d24c050df 86dd 6c0ea368
        002870fffe80000000000000ec2d24fffec050dfff020000000000000000000000000012
        313396020064abdf fe800000000000000000000000000051 20010db8000000000000000000000100";
    let frame = Frame::ethernet(over_ipv6);
    let said = parse(&frame.received()).map(|heard| heard.advertisement);
    assert_eq!(said, Ok(advertisement(Version::V3, 51, 150, 1000, &["fe80::51", "2001:db8::100"])));
}
