//! Routers of GLBP re-enacted, on made-up captures.

use std::io::Cursor;
use std::net::IpAddr;
use std::time::Duration;

use ::glbp::auth::{Authentication, Guard};
use ::glbp::vmac::virtual_mac;
use ::glbp::wire::{Challenge, Forwarder, Hello, Kind, MULTICAST_V4, Message, PORT, Peer, State};
use fhrp::keys::KeyChain;
use fhrp::{Datagram, Mac, Route, Secret};

use super::padding::is_left_over;
use crate::capture::{Direction, Reader, Writer};
use crate::decode::Wish;
use crate::net::frame;
use crate::replay::compare::Compared;
use crate::replay::enact::{Enact, EnactError};
use crate::replay::script::Doing;

fn router(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 10, last])
}

fn owner(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 0, last])
}

/// What a router says in every hello.
#[derive(Clone)]
struct Who {
    last: u8,
    priority: u8,
    state: State,
    /// Forwarders with rights, and since when their owner is gone, in milliseconds.
    forwarders: Vec<(u8, u8, u64)>,
    weighting: u8,
    /// The number that it wants to be told again, and one of the other router's that it repeats.
    challenge: Option<(u32, (u8, u32))>,
}

fn who(last: u8, priority: u8, state: State, forwarders: &[(u8, u8)]) -> Who {
    let forwarders = forwarders.iter().map(|(number, right)| (*number, *right, 0)).collect();
    Who { last, priority, state, forwarders, weighting: 100, challenge: None }
}

/// A capture of group 10, in the making.
#[derive(Clone)]
struct Tape {
    guard: Guard,
    frames: Vec<(u64, Vec<u8>)>,
}

impl Tape {
    fn new() -> Tape {
        Tape::proven(&Authentication::None)
    }

    fn proven(authentication: &Authentication) -> Tape {
        Tape { guard: Guard::new(authentication), frames: Vec::new() }
    }

    /// A hello at a moment in milliseconds, from the MAC of this forwarder of its, or its own.
    fn says(mut self, at: u64, who: &Who, from: Option<usize>, alone: bool) -> Tape {
        let forwarders = who.forwarders.iter().map(|(number, right, lost)| {
            let gone = Duration::from_secs(if right & 0x20 == 0 { (at - lost) / 1_000 } else { 0 });
            Forwarder {
                number: *number,
                state: State::Active,
                priority: *right,
                weighting: who.weighting,
                lifetime: Duration::from_secs(14_400) - gone,
                redirection: Duration::from_secs(600) - gone,
                mac: virtual_mac(10, *number).unwrap(),
            }
        });
        let forwarders: Vec<Forwarder> = forwarders.collect();
        let source_mac = from.and_then(|place| forwarders.get(place)).map_or(owner(who.last), |it| it.mac);
        let forwarders = match (alone, from) {
            (true, Some(place)) => vec![forwarders[place]],
            _ => forwarders,
        };
        let message = Message {
            kind: Kind::Hello,
            group: 10,
            owner: owner(who.last),
            challenge: who.challenge.map(|(nonce, (peer, repeated))| Challenge {
                generation: 1,
                nonce,
                peers: vec![Peer { owner: owner(peer), nonce: repeated }],
            }),
            hello: (!alone).then_some(Hello {
                state: who.state,
                priority: who.priority,
                hello: Duration::from_secs(3),
                hold: Duration::from_secs(10),
                redirect: Duration::from_secs(600),
                timeout: Duration::from_secs(14_400),
                address: router(1),
            }),
            forwarders,
        };
        let datagram = Datagram {
            route: Route::Routed,
            source: router(who.last),
            destination: MULTICAST_V4,
            hop_limit: 255,
            traffic_class: 0xc0,
            identification: 0,
            dont_fragment: false,
            protocol: 17,
            ports: Some((PORT, PORT)),
            payload: self.guard.seal(&message, router(who.last), Duration::ZERO).unwrap(),
        };
        let mut octets = Vec::new();
        frame::write(&datagram, source_mac, Mac::of_multicast(MULTICAST_V4).unwrap(), &mut octets).unwrap();
        self.frames.push((at, octets));
        self
    }

    /// Hellos every three seconds from the one moment to the other, from its forwarders in turn.
    fn hellos(self, who: &Who, from: u64, to: u64) -> Tape {
        let every = (from..=to).step_by(3_000).enumerate();
        every.fold(self, |tape, (turn, at)| {
            let forwarder = turn.checked_rem(who.forwarders.len());
            tape.says(at, who, forwarder, false)
        })
    }

    fn try_enact(mut self, last: u8, keys: &[&str]) -> Result<Compared, EnactError> {
        self.frames.sort_by_key(|(at, _)| *at);
        let mut writer = Writer::new(Vec::new()).unwrap();
        for (at, octets) in &self.frames {
            let at = 1_700_000_000_000_000_000 + at * 1_000_000;
            writer.frame("lan", at, Direction::Inbound, octets, &[]).unwrap();
        }
        let octets = writer.into_inner();
        let open = || Reader::new("tape", Cursor::new(octets.clone()));
        let mut wish = Wish::default();
        keys.iter().for_each(|key| wish.keys.add(format!("glbp={key}").as_bytes()).unwrap());
        let enact = Enact {
            open: &open,
            address: router(last),
            wish: &wish,
            config: None,
            per_interface: false,
            seed: 7,
        };
        enact.run(&mut |damage| panic!("{damage}")).map(|mut compared| compared.remove(0))
    }

    fn enact(self, last: u8) -> Compared {
        self.try_enact(last, &[]).unwrap()
    }
}

fn doings(compared: &Compared) -> Vec<Doing> {
    compared.outside.iter().map(|outside| outside.what).collect()
}

fn unexplained(compared: &Compared) -> Vec<&str> {
    let all = compared.divergences.iter().filter(|divergence| divergence.explanation.is_none());
    all.map(|divergence| divergence.what.as_str()).collect()
}

/// Router 2 is active and forwards as number 1; router 3 is standby and forwards as number 2. 2 is silent from 30 s on, and
/// 3 takes over what it had: its forwarder at one moment, its role at another.
fn silence(forwarder: u64, role: u64) -> Tape {
    let tape = Tape::new().hellos(&who(2, 200, State::Active, &[(1, 167)]), 0, 30_000);
    let standby = who(3, 100, State::Standby, &[(2, 167)]);
    let mut both = who(3, 100, State::Active, &[(1, 135), (2, 167)]);
    both.forwarders[0].2 = 30_000;
    let tape = tape.hellos(&standby, 500, role.min(forwarder) - 1).says(forwarder, &both, Some(0), true);
    tape.hellos(&both, role, role + 15_000)
}

#[test]
fn what_was_there_before_the_capture_is_there_in_ours_as_well() {
    let successor = silence(40_000, 40_000).enact(3);
    assert_eq!(successor.unexplained, 0, "{successor:#?}");
    assert_eq!(doings(&successor), [Doing::Start { prelude: true }]);
    let forwarding = successor.forwarding.as_ref().unwrap();
    assert_eq!(forwarding.hellos, forwarding.same, "{forwarding:#?}");
    assert_eq!(forwarding.taken.iter().map(|taken| taken.number).collect::<Vec<_>>(), [1]);
    assert!(forwarding.taken[0].take.late_ms.abs() < 1.0 && forwarding.counters_worst_s <= 1.0);

    let dead = silence(40_000, 40_000).enact(2);
    assert_eq!(dead.unexplained, 0, "{dead:#?}");
    assert_eq!(doings(&dead), [Doing::Start { prelude: true }, Doing::Kill]);
    assert_eq!(dead.forwarding.unwrap().same, 11);
}

#[test]
fn up_to_a_fifth_late_is_how_such_routers_are() {
    let late = silence(41_000, 42_000).enact(3);
    assert_eq!(unexplained(&late), Vec::<&str>::new(), "{late:#?}");
    assert!(
        late.divergences.iter().any(|it| it.what.starts_with("ours begins as forwarder 1 1.000 s earlier"))
    );
    let too_late = silence(45_000, 45_000).enact(3);
    assert!(unexplained(&too_late).contains(&"ours begins as forwarder 1 5.000 s earlier"), "{too_late:#?}");
    let early = silence(36_000, 40_000).enact(3);
    assert!(unexplained(&early).contains(&"ours begins as forwarder 1 4.000 s later"), "{early:#?}");
}

#[test]
fn what_ours_would_not_say_is_told() {
    let both = |three: &Who| {
        Tape::new().hellos(&who(2, 200, State::Active, &[(1, 167)]), 0, 60_000).hellos(three, 500, 60_000)
    };
    let sound = who(3, 100, State::Standby, &[(2, 167)]);
    assert_eq!(both(&sound).enact(3).unexplained, 0);
    // It forwards as number 1 beside whoever has more right to it.
    let greedy = both(&sound).hellos(&who(3, 100, State::Standby, &[(1, 135), (2, 167)]), 20_000, 40_000);
    assert!(!unexplained(&greedy.enact(3)).is_empty());
    // Two that speak from one MAC only.
    let tape = Tape::new().hellos(&who(2, 200, State::Active, &[(1, 167)]), 0, 9_000);
    let mut lazy = who(3, 100, State::Active, &[(1, 135), (2, 167)]);
    lazy.forwarders[0].2 = 9_000;
    let tape = tape.hellos(&who(3, 100, State::Standby, &[(2, 167)]), 500, 18_500);
    let tape = tape.says(19_000, &lazy, Some(0), true);
    let tape = (19_001..60_000).step_by(3_000).fold(tape, |tape, at| tape.says(at, &lazy, Some(1), false));
    let forwarding = tape.enact(3).forwarding.unwrap();
    assert_eq!(forwarding.turned.real, 0);
    assert_eq!(forwarding.turned.ours, forwarding.turns.ours);
    assert!(forwarding.turns.ours > 5);
}

#[test]
fn a_weighting_that_falls_is_a_change_from_outside() {
    let two = who(2, 200, State::Active, &[(1, 167)]);
    let mut low = who(2, 200, State::Active, &[(1, 39)]);
    low.weighting = 50;
    let tape = Tape::new().hellos(&two, 0, 20_000).hellos(&low, 20_500, 32_500);
    let three = who(3, 100, State::Standby, &[(2, 167)]);
    let compared = tape.hellos(&three, 100, 33_000).enact(2);
    assert_eq!(unexplained(&compared), Vec::<&str>::new(), "{compared:#?}");
    assert!(matches!(doings(&compared)[..], [Doing::Start { prelude: true }, Doing::Change { .. }]));
}

/// With MD5, 3 repeats what 2 said; ours says other numbers, and is told those. What is two generations old is not.
#[test]
fn who_repeats_the_real_ones_number_repeats_ours() {
    let chain = Authentication::KeyChain(KeyChain::single(1, Secret::new("monkey")));
    let conversation = |repeats: fn(u64) -> u32| {
        let mut tape = Tape::proven(&chain);
        for at in (0_u64..60_000).step_by(3_000) {
            let generation = |at: u64| (at / 9_000) as u32;
            let mut two = who(2, 200, State::Active, &[(1, 167)]);
            two.challenge = Some((1_000 + generation(at), (3, 2_000 + generation(at))));
            let mut three = who(3, 100, State::Standby, &[(2, 167)]);
            three.challenge = Some((2_000 + generation(at), (2, repeats(at))));
            tape = tape.says(at, &two, Some(0), false).says(at + 400, &three, Some(0), false);
        }
        tape
    };
    let fresh = conversation(|at| 1_000 + (at / 9_000) as u32);
    assert!(matches!(fresh.clone().try_enact(2, &[]), Err(EnactError::Unknowable { .. })));
    for last in [2, 3] {
        let compared = fresh.clone().try_enact(last, &["monkey"]).unwrap();
        assert_eq!(unexplained(&compared), Vec::<&str>::new(), "{compared:#?}");
        let forwarding = compared.forwarding.unwrap();
        assert_eq!((forwarding.challenges, forwarding.hellos), (20, 20));
        // The first one it says before it has heard anybody in the capture.
        assert!(forwarding.repeated >= 19, "{}", forwarding.repeated);
    }
    // To ours nobody is there, and so it takes the other forwarder.
    let stale = conversation(|at| 1_000 + ((at / 9_000) as u32).saturating_sub(3));
    let compared = stale.try_enact(2, &["monkey"]).unwrap();
    assert!(
        unexplained(&compared).iter().any(|it| it.starts_with("ours forwards as forwarder 2")),
        "{compared:#?}"
    );
}

#[test]
fn what_is_left_over_in_memory_is_seen() {
    let frame = |padding: &str| {
        let text = format!(
            "010000010000aabbcc001400041401387d68c7eeaabbcc000a00f1c8bea4{}02140120008764{}38100228{}0007b4000101",
            &padding[..4],
            &padding[4..6],
            &padding[6..]
        );
        let octets = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap());
        octets.collect::<Vec<u8>>()
    };
    assert!(!is_left_over(&frame("0000000000")));
    for padding in ["0bb8000000", "0000010000", "0000000087"] {
        assert!(is_left_over(&frame(padding)), "{padding}");
    }
    // Whatever is cut is looked at as far as it goes.
    let whole = frame("0bb8010087");
    (0..whole.len()).for_each(|length| _ = is_left_over(&whole[..length]));
}
