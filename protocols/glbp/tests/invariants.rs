//! What holds whatever happens: for one group whatever it is told, and for several once they have settled.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod lan;
mod stage;

use std::time::Duration;

use fhrp::{Action, Command, Family, Input, Instant, InterfaceAddress, Link, Mac, Route, Standing};
use glbp::Config;
use glbp::auth::Authentication;
use glbp::config::{Balancing, Preempt, Retirement, Times, Weighting};
use glbp::vmac::virtual_mac;
use glbp::wire::{Kind, MULTICAST_V4, State};
use lan::Lan;
use proptest::collection::vec;
use proptest::prelude::*;
use stage::{OWN_MAC, Stage, config, ip, learning, link, requests, responds, says};

/// What a group may be told.
#[derive(Debug, Clone)]
enum Told {
    Start,
    Stop,
    Hears {
        last: u8,
        state: u8,
        priority: u8,
        times: (u8, u8),
        claims: Vec<(u8, u8, bool)>,
        ours: bool,
        ago: u64,
    },
    Claims {
        last: u8,
        number: u8,
        priority: u8,
        lifetime: u64,
    },
    Requested(u8),
    Responded(u8, u8),
    Octets(Vec<u8>),
    Passes(u64),
    NextDeadline,
    Asked(u8, u8),
    Link(bool),
    Penalty(u16),
    HandOver,
    Announce,
    HoldRefused,
    HoldGranted,
    Lapsed(u64),
    Reconfigured(usize),
}

fn told() -> impl Strategy<Value = Told> {
    let claims = vec((1..5u8, any::<u8>(), any::<bool>()), 0..4);
    let heard = (2..12u8, 0..8u8, any::<u8>(), any::<(u8, u8)>(), claims, any::<bool>(), 0..5_000u64);
    prop_oneof![
        1 => Just(Told::Start),
        1 => Just(Told::Stop),
        8 => heard.prop_map(|(last, state, priority, times, claims, ours, ago)| {
            Told::Hears { last, state, priority, times, claims, ours, ago }
        }),
        4 => (2..12u8, 0..6u8, any::<u8>(), 0..100u64).prop_map(|(last, number, priority, lifetime)| {
            Told::Claims { last, number, priority, lifetime }
        }),
        2 => (2..12u8).prop_map(Told::Requested),
        2 => (2..12u8, 0..6u8).prop_map(|(last, number)| Told::Responded(last, number)),
        1 => vec(any::<u8>(), 0..60).prop_map(Told::Octets),
        3 => (0..15_000u64).prop_map(Told::Passes),
        6 => Just(Told::NextDeadline),
        2 => any::<(u8, u8)>().prop_map(|(host, to)| Told::Asked(host, to)),
        1 => any::<bool>().prop_map(Told::Link),
        1 => any::<u16>().prop_map(Told::Penalty),
        1 => Just(Told::HandOver),
        1 => Just(Told::Announce),
        1 => Just(Told::HoldRefused),
        1 => Just(Told::HoldGranted),
        1 => (0..30_000u64).prop_map(Told::Lapsed),
        1 => (0..6usize).prop_map(Told::Reconfigured),
    ]
}

fn configs() -> [Config; 6] {
    let preempt = Preempt { on: true, delay: Duration::from_secs(4) };
    let retirement = Some(Retirement { redirect: Duration::ZERO, timeout: Duration::from_secs(40) });
    let times = Some(Times { hello: Duration::from_millis(100), hold: Duration::from_millis(350) });
    [
        config(),
        Config { preempt, forwarder_preempt: preempt, jitter: true, ..config() },
        Config { retirement, balancing: Balancing::Weighted, ..learning() },
        Config { times, balancing: Balancing::HostDependent, ..config() },
        Config { authentication: Authentication::KeyString(fhrp::Secret::new("a key of ours")), ..config() },
        Config { group: 2, balancing: Balancing::None, ..config() },
    ]
}

fn tell(stage: &mut Stage, configs: &[Config], told: &Told) {
    let now = stage.now;
    let from = |last: &u8| format!("10.0.0.{last}");
    match told {
        Told::Start => stage.tell(Input::Start),
        Told::Stop => stage.tell(Input::Stop),
        Told::Hears { last, state, priority, times, claims, ours, ago } => {
            let seconds = |count: u8| Duration::from_secs(count.into());
            let mut said = says(&from(last), State::of(1 << state), *priority)
                .times(seconds(times.0 % 20), seconds(times.1 % 40));
            for (number, priority, active) in claims {
                if said.message.forwarders.iter().all(|it| it.number != *number) {
                    said = if *active { said.forwarding(*number, *priority) } else { said.leaving(*number) };
                }
            }
            if !ours {
                said = said.by(Authentication::Text(fhrp::Secret::new("theirs")));
            }
            stage.hear_at(&said, now - Duration::from_millis(*ago))
        }
        Told::Claims { last, number, priority, lifetime } => {
            let said = stage::claims(&from(last), 1 + number % 4, *priority);
            let left = Duration::from_secs(*lifetime);
            let said =
                said.with_forwarder(|it| (it.number, it.lifetime, it.redirection) = (*number, left, left));
            stage.hear_at(&said, now)
        }
        Told::Requested(last) => stage.hear(&requests(&from(last))),
        Told::Responded(last, number) => {
            stage.hear(&responds(&from(last), 1 + number % 4).with_forwarder(|it| it.number = *number))
        }
        Told::Octets(octets) => stage.hear_octets(ip("10.0.0.9"), MULTICAST_V4, octets, now),
        Told::Passes(millis) => {
            stage.now += Duration::from_millis(*millis);
            Vec::new()
        }
        Told::NextDeadline => match stage.waits() {
            true => stage.next_tick(),
            false => Vec::new(),
        },
        Told::Asked(host, to) => {
            let to_mac = virtual_mac(1, to % 8).unwrap_or(Mac::BROADCAST);
            stage.ask_at(*host, to_mac)
        }
        Told::Link(up) => stage.tell(Input::Link(&Link { up: *up, ..link() })),
        Told::Penalty(penalty) => stage.tell(Input::Penalty(*penalty)),
        Told::HandOver => stage.command(Command::HandOver),
        Told::Announce => stage.command(Command::Announce),
        Told::HoldRefused => stage.refuse_hold(),
        Told::HoldGranted => stage.tell(Input::Held(Ok(()))),
        Told::Lapsed(millis) => stage.tell(Input::Lapsed(Duration::from_millis(*millis))),
        Told::Reconfigured(which) => stage.tell(Input::Reconfigure(&configs[*which])),
    };
}

/// What must be true after every input, and of everything that was asked for.
fn check(stage: &Stage, held: &mut fhrp::Holdings, told: &Told) -> Result<(), TestCaseError> {
    for action in &stage.actions {
        if let Action::Hold(holdings) = action {
            held.clone_from(holdings);
        }
    }
    let view = stage.view();
    prop_assert_eq!(view.standing == Standing::Holding, !held.is_empty(), "{:?} in {}", told, view.state);
    let active: Vec<Mac> = view.forwarders.iter().filter(|it| it.local).map(|it| it.mac).collect();
    prop_assert_eq!(
        &active,
        &held.forward.keys().copied().collect::<Vec<_>>(),
        "{:?} in {}",
        told,
        view.state
    );
    prop_assert!(
        view.forwarders.iter().filter(|it| it.own).count() <= 1,
        "one of its own at most: {:?}",
        told
    );
    for datagram in stage.sent() {
        let said = stage::read(datagram);
        let Route::Link { source_mac, .. } = datagram.route else { panic!("it stays on its link") };
        // Nobody speaks from a MAC that it does not hold: switches would send its frames here.
        let may =
            source_mac == OWN_MAC || held.forward.contains_key(&source_mac) || active.contains(&source_mac);
        prop_assert!(may, "{:?} from {}", told, source_mac);
        prop_assert!(said.kind != Kind::Hello || datagram.destination == MULTICAST_V4);
        prop_assert!(said.forwarders.len() <= 4);
    }
    for action in &stage.actions {
        if let Action::Answer(mac) = action {
            prop_assert!(
                view.forwarders.iter().any(|it| it.mac == *mac && it.active.is_some()),
                "{:?}",
                told
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn nothing_breaks_a_group(first in 0..6usize, all in vec(told(), 1..80), random in any::<u64>()) {
        let configs = configs();
        let mut stage = Stage::bare(configs[first].clone());
        stage.random = random;
        stage.now = Instant::ZERO + Duration::from_secs(100);
        stage.tell(Input::Link(&link()));
        let mut held = fhrp::Holdings::none();
        for told in &all {
            tell(&mut stage, &configs, told);
            check(&stage, &mut held, told)?;
            // A tick does all that was due: nobody is woken again and again for the same thing.
            stage.tick();
            check(&stage, &mut held, told)?;
            let deadline = stage.waits().then(|| stage.deadline());
            prop_assert!(deadline.is_none_or(|at| at > stage.now), "{:?} at {} in {}, {:?}", told, stage.now, stage.state(), stage.view());
            let state = stage.state();
            prop_assert_eq!(stage.tick(), Vec::<String>::new(), "a repeated tick after {:?} in {}", told, state);
        }
    }
}

/// What may happen to several routers.
#[derive(Debug, Clone)]
enum Event {
    Joins,
    Crashes(u8),
    Killed(u8),
    Restarts(u8),
    Cut(u8, u8),
    Heals,
    Penalty(u8, u16),
    Down(u8),
    Up(u8),
    HandOver(u8),
    Passes(u64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => Just(Event::Joins),
        2 => any::<u8>().prop_map(Event::Crashes),
        1 => any::<u8>().prop_map(Event::Killed),
        3 => any::<u8>().prop_map(Event::Restarts),
        2 => any::<(u8, u8)>().prop_map(|(a, b)| Event::Cut(a, b)),
        1 => Just(Event::Heals),
        2 => (any::<u8>(), 0..101u16).prop_map(|(router, penalty)| Event::Penalty(router, penalty)),
        1 => any::<u8>().prop_map(Event::Down),
        1 => any::<u8>().prop_map(Event::Up),
        1 => any::<u8>().prop_map(Event::HandOver),
        6 => (1..60_000u64).prop_map(Event::Passes),
    ]
}

fn member(place: usize, jitter: bool) -> Config {
    let last = u8::try_from(place).unwrap();
    let address: InterfaceAddress = "10.0.0.1/24".parse().unwrap();
    Config {
        jitter,
        priority: 90 + last % 3 * 10,
        preempt: Preempt { on: last % 2 == 0, delay: Duration::from_secs(u64::from(last % 4)) },
        weighting: Weighting { maximum: 100, lower: 60, upper: 80 },
        ..Config::new(1, Family::Ipv4, vec![address])
    }
}

fn happens(lan: &mut Lan, event: &Event, jitter: bool) {
    let count = lan.routers.len();
    let of = |number: &u8| usize::from(*number) % count.max(1);
    match event {
        Event::Joins if count < 6 => {
            lan.join(u8::try_from(11 + count).unwrap(), member(count, jitter));
        }
        Event::Joins => {}
        Event::Heals => lan.heal(),
        Event::Passes(millis) => lan.run_for(Duration::from_millis(*millis)),
        _ if count == 0 => {}
        Event::Crashes(it) => lan.crash(of(it)),
        Event::Killed(it) => lan.kill(of(it)),
        Event::Restarts(it) if !lan.is_alive(of(it)) => lan.restart(of(it), member(of(it), jitter)),
        Event::Restarts(_) => {}
        Event::Cut(a, b) => lan.cut(of(a), of(b)),
        Event::Penalty(it, penalty) if lan.is_alive(of(it)) => lan.penalize(of(it), *penalty),
        Event::Down(it) if lan.is_alive(of(it)) => lan.link_up(of(it), false),
        Event::Up(it) if lan.is_alive(of(it)) => lan.link_up(of(it), true),
        Event::HandOver(it) if lan.is_alive(of(it)) => lan.command(of(it), Command::HandOver),
        Event::Penalty(..) | Event::Down(_) | Event::Up(_) | Event::HandOver(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]
    #[test]
    fn settled_members_agree(seed in any::<u64>(), jitter in any::<bool>(), all in vec(event(), 1..40)) {
        let mut lan = Lan::new(seed);
        for event in &all {
            happens(&mut lan, event, jitter);
        }
        lan.heal();
        // Everybody hears everybody: two hold times for elections, one for forwarders, the delay of a preemption.
        lan.run_for(Duration::from_secs(100));
        let states = lan.states();
        let running: Vec<usize> = (0..states.len()).filter(|it| !["-", "Initial"].contains(&states[*it])).collect();
        let count = |state: &str| states.iter().filter(|it| **it == state).count();
        prop_assert_eq!(count("Active"), usize::from(!running.is_empty()), "{:?}", states);
        prop_assert_eq!(count("Standby"), usize::from(running.len() > 1), "{:?}", states);
        prop_assert_eq!(count("Speak"), 0, "{:?}", states);
        let owners = lan.owners(1);
        for (number, holders) in &owners {
            prop_assert_eq!(holders.len(), 1, "forwarder {}: {:?}", number, &owners);
        }
        // Every member knows the same forwarders, and who forwards for each.
        let known: Vec<Vec<_>> = running.iter().map(|it| {
            lan.view(*it).forwarders.iter().map(|it| (it.number, it.mac, it.active)).collect()
        }).collect();
        prop_assert!(known.windows(2).all(|pair| pair[0] == pair[1]), "{:?}", known);
        // Whoever can forward does, as far as there are forwarders.
        let able = running.iter().filter(|it| {
            lan.view(**it).details.iter().any(|it| it.name == "weighting" && !it.value.contains(", low"))
        });
        prop_assert!(owners.len() >= able.count().min(4), "{:?} for {:?}", owners, states);
        // Hosts are answered by one router, with a MAC that somebody forwards for.
        for host in 100..105 {
            let answers = lan.ask(host, "10.0.0.1");
            prop_assert_eq!(answers.len(), usize::from(!running.is_empty()), "{:?}", answers);
            prop_assert!(answers.iter().all(|(_, number)| owners.contains_key(number)));
        }
    }
}
