//! What the fuzz targets do with any octets: nothing panics, and what holds for every input holds for this one.
//!
//! The targets in `fuzz_targets` hand them in at random for hours; `tests/fuzz.rs` hands in the seeds and what becomes
//! of them in a few seconds, with the stable compiler.

use std::io::Cursor;
use std::net::IpAddr;
use std::time::Duration;

use fhrp::checksum::Sum;
use fhrp::dissect::{Dissection, Field, Known};
use fhrp::keys::{ChainKey, KeyChain, Lifetime};
use fhrp::packet::ip_protocol;
use fhrp::{Instant, Mac, Protocol, Received, Secret};
use firsthop::analyze::Analysis;
use firsthop::analyze::listen::listen;
use firsthop::analyze::picture::timeline;
use firsthop::analyze::report::report;
use firsthop::capture::Reader;
use firsthop::decode::keys::Keys;
use firsthop::decode::line::{self, Style};
use firsthop::decode::{Decoder, Wish, json, tree};
use firsthop::draw;
use firsthop::replay::enact::Enact;

/// The first octet of an input chooses with these what is around the rest.
pub mod choice {
    /// Over IPv6.
    pub const IPV6: u8 = 1;
    /// Inside an Authentication Header.
    pub const INSIDE_HEADER: u8 = 2;
    /// To a unicast address.
    pub const UNICAST: u8 = 4;
    /// With the right checksum.
    pub const REPAIR: u8 = 8;
}

/// A target: its name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 7] = [
    ("vrrp_parse", vrrp),
    ("carp_parse", carp),
    ("hsrp_parse", hsrp),
    ("glbp_parse", glbp),
    ("capture_read", capture),
    ("capture_decode", decode),
    ("capture_story", story),
];

const KEY: &[u8] = b"password";

/// What is around a payload.
struct Envelope {
    source: IpAddr,
    destination: IpAddr,
    protocol: u8,
    ports: Option<(u16, u16)>,
}

impl Envelope {
    fn received<'a>(&self, payload: &'a [u8]) -> Received<'a> {
        Received {
            at: Instant::ZERO,
            source_mac: Mac([2, 0, 0, 0, 0, 1]),
            destination_mac: Mac::BROADCAST,
            source: self.source,
            destination: self.destination,
            hop_limit: 255,
            protocol: self.protocol,
            ports: self.ports,
            ip_header: &[0x45; 20],
            payload,
        }
    }

    /// IP protocol 112, as the choice wants it.
    fn raw(chosen: u8) -> Envelope {
        let (source, group): (IpAddr, IpAddr) = match chosen & choice::IPV6 != 0 {
            true => ([0xfe80, 0, 0, 0, 0, 0, 0, 1].into(), vrrp::wire::MULTICAST_V6),
            false => ([192, 0, 2, 1].into(), vrrp::wire::MULTICAST_V4),
        };
        let destination = if chosen & choice::UNICAST != 0 { source } else { group };
        let is_inside = chosen & choice::INSIDE_HEADER != 0;
        let protocol = if is_inside { ip_protocol::AUTHENTICATION_HEADER } else { ip_protocol::VRRP };
        Envelope { source, destination, protocol, ports: None }
    }

    /// UDP, over IPv4 on the first port and over IPv6 on the second.
    fn udp(chosen: u8, v4: (&str, u16), v6: (&str, u16)) -> Envelope {
        let (source, (group, port)) = match chosen & choice::IPV6 != 0 {
            true => ("fe80::1", v6),
            false => ("192.0.2.1", v4),
        };
        let address = |text: &str| text.parse().expect("an address in this file");
        let destination = address(if chosen & choice::UNICAST != 0 { source } else { group });
        Envelope { source: address(source), destination, protocol: 17, ports: Some((port, port)) }
    }
}

/// Takes a payload apart as a reader of captures does.
fn dissect(protocol: &dyn Protocol, received: &Received<'_>) {
    let known = Known { keys: &[KEY], addresses: &[received.source], fields: true };
    let whole = protocol.dissect(received, &known);
    let brief = protocol.dissect(received, &Known::default());
    assert_eq!(whole.is_some(), brief.is_some());
    assert!(protocol.group_of(received).is_none() || whole.is_some(), "what is obeyed can be shown");
    if let Some(Dissection { fields, problems, .. }) = whole {
        within(&fields, 0, received.payload.len());
        assert!(problems.iter().all(|problem| !problem.text.is_empty() && !problem.rule.is_empty()));
    }
}

/// No field goes beyond the octets that it is part of.
fn within(fields: &[Field], from: usize, until: usize) {
    for field in fields {
        let end = field.offset + field.length;
        assert!(field.offset >= from && end <= until, "{field:?} is not within {from}..{until}");
        within(&field.inside, field.offset, end);
    }
}

/// Any octets as a VRRP message.
pub fn vrrp(input: &[u8]) {
    use vrrp::auth::Guard;
    use vrrp::wire::{emit, parse, peek};

    let Some((chosen, payload)) = input.split_first() else { return };
    let envelope = Envelope::raw(*chosen);
    let mut payload = payload.to_vec();
    if chosen & choice::REPAIR != 0 {
        repair(&mut payload, if chosen & choice::INSIDE_HEADER != 0 { 24 } else { 0 }, &envelope);
    }
    let received = envelope.received(&payload);
    let _ = peek(&received);
    dissect(&vrrp::PROTOCOL, &received);
    let heard = match parse(&received) {
        Ok(heard) => heard,
        Err(error) => {
            let _ = (error.to_string(), error.counter());
            return;
        }
    };
    for scheme in vrrp_schemes() {
        if let Err(refusal) = Guard::new(&scheme).admit(&received, &heard, Duration::ZERO) {
            let _ = (refusal.to_string(), refusal.counter());
        }
    }
    let Envelope { source, destination, .. } = envelope;
    let written = emit(&heard.advertisement, heard.checksum, source, destination, 0, [0; 8]);
    let received = Received { protocol: ip_protocol::VRRP, payload: &written, ..received };
    let again = parse(&received).map(|heard| heard.advertisement);
    assert_eq!(again, Ok(heard.advertisement));
}

fn repair(payload: &mut [u8], inside: usize, envelope: &Envelope) {
    let Some(message) = payload.get_mut(inside..).filter(|message| message.len() >= 8) else { return };
    message[6..8].fill(0);
    let mut sum = Sum::new().over(message);
    if envelope.source.is_ipv6() {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        sum = sum.over_pseudo_header(envelope.source, envelope.destination, ip_protocol::VRRP, length);
    }
    message[6..8].copy_from_slice(&sum.checksum().to_be_bytes());
}

fn vrrp_schemes() -> [vrrp::config::Authentication; 5] {
    use vrrp::config::{AntiReplay, Authentication, Hmac, HmacMode, Key};

    let key = |id| Key { id, secret: Secret::new([7; 32]) };
    [
        Authentication::None,
        Authentication::Text(Secret::new(KEY)),
        Authentication::AuthenticationHeader(Secret::new(KEY)),
        Authentication::CiscoMd5(vec![key(0), key(1)]),
        Authentication::Hmac(Hmac {
            keys: vec![key(1)],
            mode: HmacMode::Enforce,
            anti_replay: AntiReplay::Window(Duration::from_secs(5)),
        }),
    ]
}

/// Any octets as a CARP message.
pub fn carp(input: &[u8]) {
    use carp::auth::{Covered, Guard, LinkLocal};
    use carp::wire::{emit, parse};

    let Some((chosen, payload)) = input.split_first() else { return };
    let envelope = Envelope::raw(*chosen & !choice::INSIDE_HEADER);
    let mut payload = payload.to_vec();
    if chosen & choice::REPAIR != 0 {
        // CARP's checksum covers the message alone, over IPv6 too.
        repair(&mut payload, 0, &Envelope::raw(0));
    }
    dissect(&carp::PROTOCOL, &envelope.received(&payload));
    let heard = match parse(&payload) {
        Ok(heard) => heard,
        Err(error) => {
            let _ = (error.to_string(), error.counter());
            return;
        }
    };
    let addresses = [envelope.source].into_iter().collect();
    let covered = Covered { vhid: heard.advertisement.vhid, addresses, link_layer_address: None };
    let _ = Guard::new(&Secret::new(KEY), &covered, LinkLocal::LeftOut).admit(&heard);
    assert_eq!(parse(&emit(&heard.advertisement, &heard.digest)), Ok(heard));
}

/// Any octets as an HSRP message.
pub fn hsrp(input: &[u8]) {
    use hsrp::auth::{Authentication, Guard};
    use hsrp::wire::{MULTICAST_V1, MULTICAST_V2, emit, parse};

    let Some((chosen, payload)) = input.split_first() else { return };
    let group = if chosen & choice::REPAIR != 0 { MULTICAST_V1 } else { MULTICAST_V2 }.to_string();
    let envelope =
        Envelope::udp(*chosen, (&group, hsrp::wire::PORT_IPV4), ("ff02::66", hsrp::wire::PORT_IPV6));
    let received = envelope.received(payload);
    dissect(&hsrp::PROTOCOL, &received);
    let heard = match parse(&received) {
        Ok(heard) => heard,
        Err(error) => {
            let _ = (error.to_string(), error.counter());
            return;
        }
    };
    for scheme in [Authentication::Text(Secret::new(KEY)), Authentication::Md5(chain())] {
        if let Err(refusal) = Guard::new(&scheme).admit(&heard, Duration::ZERO) {
            let _ = (refusal.to_string(), refusal.counter());
        }
    }
    let written = emit(&heard.message, &heard.credentials);
    assert_eq!(parse(&envelope.received(&written)).map(|again| again.message), Ok(heard.message));
}

/// Any octets as a GLBP message.
pub fn glbp(input: &[u8]) {
    use glbp::auth::{Authentication, Guard};
    use glbp::wire::{Credentials, emit, parse};

    let Some((chosen, payload)) = input.split_first() else { return };
    let envelope = Envelope::udp(*chosen, ("224.0.0.102", glbp::wire::PORT), ("ff02::66", glbp::wire::PORT));
    dissect(&glbp::PROTOCOL, &envelope.received(payload));
    let heard = match parse(payload) {
        Ok(heard) => heard,
        Err(error) => {
            let _ = (error.to_string(), error.counter());
            return;
        }
    };
    for scheme in [
        Authentication::None,
        Authentication::Text(Secret::new(KEY)),
        Authentication::KeyString(Secret::new(KEY)),
        Authentication::KeyChain(chain()),
    ] {
        if let Err(refusal) = Guard::new(&scheme).admit(&heard, envelope.source, Duration::ZERO) {
            let _ = (refusal.to_string(), refusal.counter());
        }
    }
    if !matches!(heard.credentials, Credentials::Unknown(_)) {
        let written = emit(&heard.message, &heard.credentials);
        assert_eq!(parse(&written).map(|again| again.message), Ok(heard.message));
    }
}

fn chain() -> KeyChain {
    let (send, accept) = (Lifetime::ALWAYS, Lifetime::ALWAYS);
    KeyChain::new(vec![ChainKey { id: 0, secret: Secret::new(KEY), send, accept }])
}

/// Any octets as a file, compressed or not.
pub fn capture(input: &[u8]) {
    let mut reader = match Reader::new("fuzz", Cursor::new(input.to_vec())) {
        Ok(reader) => reader,
        Err(error) => {
            assert!(error.to_string().starts_with("fuzz"));
            return;
        }
    };
    let (mut number, mut offset) = (0, 0);
    // What is compressed may be long; a few thousand frames show what there is to see.
    for _ in 0..5_000 {
        match reader.next_frame() {
            None => break,
            Some(Ok(frame)) => {
                number += 1;
                assert_eq!(frame.number, number);
                assert!(frame.offset >= offset && frame.octets.len() <= 262_144);
                offset = frame.offset;
                let _ = (frame.comments().count(), frame.direction(), frame.link().to_string());
            }
            Some(Err(damage)) => {
                assert_eq!(damage.frame, number + 1);
                assert!(damage.offset >= offset, "{damage}");
                offset = damage.offset;
            }
        }
    }
}

/// Any octets as a file, decoded and printed in every form.
pub fn decode(input: &[u8]) {
    let Ok(mut reader) = Reader::new("fuzz", Cursor::new(input.to_vec())) else { return };
    let mut keys = Keys::default();
    for key in ["vrrp=password", "carp=password", "hsrp=password", "glbp=password"] {
        keys.add(key.as_bytes()).expect("keys of this file");
    }
    let carp_addresses = vec![IpAddr::from([10, 0, 0, 1])];
    let mut decoder = Decoder::new(Wish { keys, carp_addresses, fields: true });
    let mut out = Vec::new();
    for _ in 0..5_000 {
        let frame = match reader.next_frame() {
            None => break,
            Some(Err(_)) => continue,
            Some(Ok(frame)) => frame,
        };
        let Some(decoded) = decoder.decode(frame) else { continue };
        out.clear();
        json::write(&decoded, Some("file"), &mut out);
        let object: serde_json::Value = serde_json::from_slice(&out).expect("a line of JSON");
        assert_eq!(object["frame"], decoded.frame.number);
        out.clear();
        line::write(&decoded, &Style::default(), &mut out);
        assert_eq!(out.iter().filter(|octet| **octet == b'\n').count(), 1, "a frame is one line");
        assert!(out.iter().all(|octet| *octet >= b' ' || *octet == b'\n'), "a terminal is left alone");
        out.clear();
        tree::write(&decoded, &Style::default(), &mut out);
        assert!(std::str::from_utf8(&out).is_ok());
    }
}

/// Any octets as a file whose story is told and drawn, and whose routers are replaced by ours one after the other.
pub fn story(input: &[u8]) {
    let open = || Reader::new("fuzz", Cursor::new(input.to_vec()));
    let Ok(mut reader) = open() else { return };
    let mut analysis = Analysis::default();
    let mut decoder = Decoder::new(Wish::default());
    listen(&mut analysis, &mut reader, &mut decoder, false, &mut |_| {});
    let story = analysis.finish();
    for group in &story.groups {
        assert!(group.events.is_sorted_by_key(|event| event.at_ns), "events are told in order");
        for played in group.members.iter().flat_map(|member| &member.roles) {
            assert!(
                played.spans.windows(2).all(|pair| pair[0].to_ns == pair[1].from_ns),
                "no gap, no overlap"
            );
        }
    }
    assert!(report(&story, "fuzz").chars().all(|letter| letter == '\n' || !letter.is_control()));
    let timeline = timeline(&story, "fuzz");
    assert!(draw::svg(&timeline).ends_with("</svg>\n"));
    assert!(draw::text(&timeline, 80).chars().all(|letter| letter == '\n' || !letter.is_control()));
    let members = story.groups.iter().flat_map(|group| &group.members);
    for address in members.map(|member| member.address).take(4) {
        let keys = Keys::default();
        let enact = Enact {
            open: &open,
            address,
            wish: &Wish { keys, ..Wish::default() },
            config: None,
            per_interface: false,
            seed: 1,
        };
        if let Ok(compared) = enact.run(&mut |_| {}) {
            assert!(compared.iter().all(|compared| compared.unexplained <= compared.divergences.len()));
        }
    }
}
