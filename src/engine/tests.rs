//! What the engine promises, tried on a group that does what it is told.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use fhrp::contract::Ear;
use fhrp::{Answer, Family, Group, Mac, Presence, Siblings, Standing, VirtualAddress};

use super::troubles::Trouble;
use super::*;

mod waiting;

/// Says what it was told, and asks for what the test wants of it.
#[derive(Default, Clone)]
struct Script(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    heard: Vec<String>,
    siblings: Option<Siblings>,
    next: Vec<Action>,
    deadline: Option<Instant>,
}

impl Script {
    fn answers(&self, actions: Vec<Action>) {
        self.0.lock().unwrap().next = actions;
    }

    fn wakes_at(&self, deadline: Option<Instant>) {
        self.0.lock().unwrap().deadline = deadline;
    }

    /// What it was told of its siblings last.
    fn siblings(&self) -> Option<Siblings> {
        self.0.lock().unwrap().siblings
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().heard)
    }
}

impl Group for Script {
    fn handle(&mut self, context: &mut Context<'_>, input: Input<'_>) {
        let mut lines = self.0.lock().unwrap();
        let word = match input {
            Input::Start => "start".to_owned(),
            Input::Stop => "stop".to_owned(),
            Input::Tick => "tick".to_owned(),
            Input::Packet(received) => format!("packet from {}", received.source),
            Input::Solicited(asked) => format!("solicited {}", asked.target),
            Input::Link(link) if link.index == 0 => format!("link {} gone", link.name),
            Input::Link(link) => format!("link {} {}", link.name, if link.up { "up" } else { "down" }),
            Input::Penalty(penalty) => format!("penalty {penalty}"),
            Input::Command(command) => format!("{command:?}"),
            Input::Reconfigure(_) => "reconfigure".to_owned(),
            Input::Leads(lead) => format!("leads {} {:?}", lead.state, lead.lease),
            Input::Held(result) => format!("held {}", result.is_ok()),
            Input::Lapsed(span) => format!("lapsed {span:?}"),
        };
        if word == "tick" {
            lines.deadline = None;
        }
        lines.heard.push(word);
        lines.siblings = Some(context.siblings);
        context.out.append(&mut lines.next);
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.lock().unwrap().deadline
    }

    fn view(&self, now: Instant) -> View {
        View {
            protocol: "script",
            version: "1",
            id: 1,
            family: Some(Family::Ipv4),
            state: "Reading",
            standing: fhrp::Standing::StandingBy,
            since: now,
            reason: String::new(),
            priority: None,
            configured_priority: None,
            active: None,
            source: None,
            addresses: Vec::new(),
            virtual_macs: Vec::new(),
            forwarders: Vec::new(),
            clients: Vec::new(),
            timers: Vec::new(),
            counters: Vec::new(),
            neighbours: Vec::new(),
            alarms: Vec::new(),
            details: Vec::new(),
        }
    }
}

/// A protocol whose group number is the first octet of the payload.
struct Scripted;

impl Protocol for Scripted {
    fn name(&self) -> &'static str {
        "script"
    }

    fn ears(&self, _: Family) -> &'static [Ear] {
        &[]
    }

    fn penalty_of_send_errors(&self) -> u16 {
        7
    }

    fn group_of(&self, received: &Received<'_>) -> Option<u16> {
        (received.protocol == 112).then(|| received.payload.first().copied().unwrap_or(0).into())
    }

    fn dissect(
        &self,
        received: &Received<'_>,
        _: &fhrp::dissect::Known<'_>,
    ) -> Option<fhrp::dissect::Dissection> {
        self.group_of(received).map(|_| fhrp::dissect::Dissection::new(self.name()))
    }
}

fn at(millis: u64) -> Now {
    Now { monotonic: Instant::ZERO + Duration::from_millis(millis), wall: Duration::from_millis(millis) }
}

fn lan(up: bool) -> Link {
    Link { index: 7, name: "lan".to_owned(), up, ..Link::default() }
}

fn identity(id: u16) -> Identity {
    Identity { interface: "lan".to_owned(), protocol: "script", family: Some(Family::Ipv4), id }
}

fn packet(payload: &[u8]) -> Received<'_> {
    Received {
        at: Instant::ZERO,
        source_mac: Mac([2, 0, 0, 0, 0, 9]),
        destination_mac: Mac::BROADCAST,
        source: IpAddr::from([10, 0, 0, 9]),
        destination: IpAddr::from([224, 0, 0, 18]),
        hop_limit: 255,
        protocol: 112,
        ports: None,
        ip_header: &[],
        payload,
    }
}

fn holdings(ip: [u8; 4], answer: Answer) -> Holdings {
    let address = VirtualAddress { prefix: 24, presence: Presence::Accepted, answer, router: true };
    Holdings {
        addresses: [(IpAddr::from(ip), address)].into(),
        lease: Duration::from_secs(3),
        ..Holdings::default()
    }
}

fn engine_with(ids: &[u16]) -> (Engine, Vec<Script>, Vec<Effect>) {
    let mut engine = Engine::new(&[&Scripted], Box::new(|| 4));
    let mut out = Vec::new();
    engine.link(at(0), lan(true), &mut out);
    let scripts: Vec<Script> = ids.iter().map(|_| Script::default()).collect();
    for (id, script) in ids.iter().zip(&scripts) {
        engine.add(at(0), identity(*id), Box::new(script.clone()), &mut out);
        script.heard();
    }
    (engine, scripts, out)
}

#[test]
fn a_group_starts_when_its_interface_appears() {
    let mut engine = Engine::new(&[&Scripted], Box::new(|| 4));
    let script = Script::default();
    let mut out = Vec::new();
    engine.add(at(0), identity(1), Box::new(script.clone()), &mut out);
    assert!(script.heard().is_empty());
    engine.link(at(1), lan(true), &mut out);
    assert_eq!(script.heard(), ["link lan up", "start"]);
    engine.link(at(2), lan(false), &mut out);
    assert_eq!(script.heard(), ["link lan down"]);
}

#[test]
fn an_interface_that_returns_under_another_number_finds_its_groups() {
    let (mut engine, scripts, mut out) = engine_with(&[1]);
    engine.link_gone(at(1), 7, &mut out);
    assert_eq!(scripts[0].heard(), ["link lan gone"]);
    assert_eq!(
        engine.receive(at(1), 7, &packet(&[1]), &mut out),
        Delivery::NoSuchGroup { protocol: "script", id: 1 }
    );
    engine.link(at(2), Link { index: 8, ..lan(true) }, &mut out);
    assert_eq!(scripts[0].heard(), ["link lan up"]);
    assert_eq!(engine.receive(at(3), 8, &packet(&[1]), &mut out), Delivery::To(GroupIndex(0)));
}

fn stands(standing: Standing) -> Action {
    Action::Note(Note::Transition { from: "Before", to: "After", standing, reason: String::new() })
}

#[test]
fn groups_on_one_link_know_how_the_others_stand() {
    let (mut engine, scripts, mut out) = engine_with(&[1, 2, 3]);
    let told = |engine: &mut Engine, group: usize, out: &mut Vec<Effect>| {
        engine.command(at(1), GroupIndex(u32::try_from(group).unwrap()), Command::Announce, out);
        scripts[group].siblings().unwrap()
    };
    for (group, standing) in [(0, Standing::StandingBy), (1, Standing::Holding), (2, Standing::StandingBy)] {
        assert_eq!(scripts[group].siblings(), Some(Siblings::NONE), "nobody takes part yet");
        scripts[group].answers(vec![stands(standing)]);
        told(&mut engine, group, &mut out);
    }
    let siblings = |holding, standing_by, first| Siblings { holding, standing_by, first };
    assert_eq!(told(&mut engine, 0, &mut out), siblings(1, 1, true));
    assert_eq!(told(&mut engine, 1, &mut out), siblings(0, 2, false));
    assert_eq!(told(&mut engine, 2, &mut out), siblings(1, 1, false));
    scripts[0].answers(vec![stands(Standing::Down)]);
    told(&mut engine, 0, &mut out);
    assert_eq!(told(&mut engine, 2, &mut out), siblings(1, 0, false));
    // The link comes back as another one, and its groups with it.
    engine.link_gone(at(2), 7, &mut out);
    engine.link(at(3), Link { index: 8, ..lan(true) }, &mut out);
    assert_eq!(told(&mut engine, 1, &mut out), siblings(0, 1, true));
}

#[test]
fn a_frame_reaches_its_group_and_no_other() {
    let (mut engine, scripts, mut out) = engine_with(&[1, 2, 3]);
    assert_eq!(engine.receive(at(1), 7, &packet(&[2]), &mut out), Delivery::To(GroupIndex(1)));
    assert_eq!(scripts[1].heard(), ["packet from 10.0.0.9"]);
    assert!(scripts[0].heard().is_empty() && scripts[2].heard().is_empty());
    let unknown = engine.receive(at(1), 7, &packet(&[9]), &mut out);
    assert_eq!(unknown, Delivery::NoSuchGroup { protocol: "script", id: 9 });
    let foreign = Received { protocol: 6, ..packet(&[2]) };
    assert_eq!(engine.receive(at(1), 7, &foreign, &mut out), Delivery::Foreign);
}

#[test]
fn ticks_come_to_those_who_are_due_and_once() {
    let (mut engine, scripts, mut out) = engine_with(&[1, 2]);
    scripts[0].wakes_at(Some(at(50).monotonic));
    scripts[1].wakes_at(Some(at(90).monotonic));
    engine.receive(at(1), 7, &packet(&[1]), &mut out);
    engine.receive(at(1), 7, &packet(&[2]), &mut out);
    scripts.iter().for_each(|script| drop(script.heard()));
    assert_eq!(engine.deadline(), Some(at(50).monotonic));
    engine.tick(at(60), &mut out);
    engine.tick(at(60), &mut out);
    assert_eq!(scripts[0].heard(), ["tick"]);
    assert!(scripts[1].heard().is_empty());
    assert_eq!(engine.deadline(), Some(at(90).monotonic));
}

#[test]
fn followers_are_told_how_their_leader_stands() {
    let (mut engine, scripts, mut out) = engine_with(&[1, 2, 3]);
    let becomes = |engine: &mut Engine, to, standing, more: Vec<Action>, out: &mut Vec<Effect>| {
        let reason = String::new();
        let note = Action::Note(Note::Transition { from: "", to, standing, reason });
        scripts[0].answers(more.into_iter().chain([note]).collect());
        engine.command(at(1), GroupIndex(0), Command::Announce, out);
    };
    becomes(&mut engine, "Standby", Standing::StandingBy, Vec::new(), &mut out);
    scripts.iter().for_each(|script| drop(script.heard()));
    let leader = Some(GroupIndex(0));
    engine.follow(at(1), GroupIndex(1), leader, &mut out);
    engine.follow(at(1), GroupIndex(2), leader, &mut out);
    engine.follow(at(1), GroupIndex(2), leader, &mut out);
    assert_eq!([scripts[1].heard(), scripts[2].heard()], [["leads Standby 0ns"]; 2]);

    // What the leader asks for comes first, in the same turn.
    out.clear();
    scripts[1].answers(vec![Action::Hold(holdings([10, 0, 0, 2], Answer::Silent))]);
    let hold = vec![Action::Hold(holdings([10, 0, 0, 1], Answer::Silent))];
    becomes(&mut engine, "Active", Standing::Holding, hold, &mut out);
    let holders: Vec<u32> = out
        .iter()
        .filter_map(|effect| match effect {
            Effect::Hold(wish) => Some(wish.group.0),
            _ => None,
        })
        .collect();
    assert_eq!(holders, [0, 1]);
    assert_eq!([scripts[1].heard(), scripts[2].heard()], [["leads Active 3s"]; 2]);
    // Followers are none of those who speak on the link.
    assert_eq!(scripts[0].siblings(), Some(Siblings::NONE));

    // Nobody follows a follower, or itself; and who follows nobody is told nothing.
    engine.follow(at(2), GroupIndex(2), Some(GroupIndex(1)), &mut out);
    engine.follow(at(2), GroupIndex(0), Some(GroupIndex(0)), &mut out);
    becomes(&mut engine, "Speak", Standing::StandingBy, Vec::new(), &mut out);
    assert_eq!((scripts[1].heard().len(), scripts[2].heard().len()), (1, 0));

    // A leader that is gone leads nobody, whoever gets its number.
    engine.stop(at(3), GroupIndex(0), &mut out);
    scripts[0].answers(vec![Action::Hold(Holdings::none())]);
    engine.command(at(3), GroupIndex(0), Command::Announce, &mut out);
    engine.held(at(3), GroupIndex(0), 2, Ok(()), &mut out);
    assert_eq!(engine.remove_left().len(), 1);
    engine.follow(at(4), GroupIndex(1), None, &mut out);
    engine.follow(at(4), GroupIndex(1), Some(GroupIndex(2)), &mut out);
    assert_eq!(scripts[1].heard().last().map(String::as_str), Some("leads Reading 0ns"));
}

#[test]
fn hosts_are_answered_by_whoever_holds_the_address() {
    let (mut engine, scripts, mut out) = engine_with(&[1, 2]);
    let mac = Mac([0, 0, 0x5e, 0, 1, 1]);
    scripts[0].answers(vec![Action::Hold(holdings([10, 0, 0, 1], Answer::With(mac)))]);
    engine.command(at(1), GroupIndex(0), Command::Announce, &mut out);
    scripts[1].answers(vec![Action::Hold(holdings([10, 0, 0, 2], Answer::Ask))]);
    engine.command(at(1), GroupIndex(1), Command::Announce, &mut out);
    let too_early = Solicitation {
        from_mac: mac,
        from: None,
        target: IpAddr::from([10, 0, 0, 1]),
        to_mac: Mac::BROADCAST,
    };
    assert_eq!(engine.solicited(at(2), 7, &too_early, &mut out), None);
    engine.held(at(2), GroupIndex(0), 1, Ok(()), &mut out);
    engine.held(at(2), GroupIndex(1), 1, Ok(()), &mut out);
    let asked = |target: [u8; 4]| Solicitation {
        from_mac: Mac([2, 0, 0, 0, 0, 1]),
        from: None,
        target: IpAddr::from(target),
        to_mac: Mac::BROADCAST,
    };
    let reply = engine.solicited(at(2), 7, &asked([10, 0, 0, 1]), &mut out);
    assert_eq!(reply, Some(Reply { mac, source: mac, router: true }));
    let chosen = Mac([0, 7, 0xb4, 0, 1, 2]);
    let own = engine.link_of(7).map(|link| link.mac).unwrap();
    scripts[1].answers(vec![Action::Answer(chosen)]);
    let reply = engine.solicited(at(2), 7, &asked([10, 0, 0, 2]), &mut out);
    assert_eq!(reply, Some(Reply { mac: chosen, source: own, router: true }));
    assert_eq!(engine.solicited(at(2), 7, &asked([10, 0, 0, 3]), &mut out), None);
    assert_eq!(engine.solicited(at(2), 8, &asked([10, 0, 0, 1]), &mut out), None);
    assert!(engine.holds_on(7) && !engine.holds_on(8));

    scripts[0].answers(vec![Action::Hold(Holdings::none())]);
    engine.command(at(3), GroupIndex(0), Command::Announce, &mut out);
    assert_eq!(engine.solicited(at(4), 7, &asked([10, 0, 0, 1]), &mut out), None);
}

#[test]
fn of_those_who_share_an_address_one_answers() {
    let shared = Mac([1, 0, 0x5e, 0, 1, 1]);
    let (mut engine, scripts, mut out) = engine_with(&[1, 2]);
    let own = engine.link_of(7).map(|link| link.mac).unwrap();
    let mut hold = |engine: &mut Engine, group: usize, wish: Holdings, ticket| {
        scripts[group].answers(vec![Action::Hold(wish)]);
        engine.command(at(1), GroupIndex(group as u32), Command::Announce, &mut out);
        engine.held(at(1), GroupIndex(group as u32), ticket, Ok(()), &mut out);
    };
    let asked = Solicitation {
        from_mac: Mac([2, 0, 0, 0, 0, 1]),
        from: None,
        target: IpAddr::from([10, 0, 0, 1]),
        to_mac: Mac::BROADCAST,
    };
    hold(&mut engine, 0, holdings([10, 0, 0, 1], Answer::Stealth(shared)), 1);
    hold(&mut engine, 1, holdings([10, 0, 0, 1], Answer::Silent), 1);
    let reply = Some(Reply { mac: shared, source: own, router: true });
    assert_eq!(engine.solicited(at(2), 7, &asked, &mut Vec::new()), reply);
    hold(&mut engine, 0, Holdings::none(), 2);
    assert_eq!(engine.solicited(at(2), 7, &asked, &mut Vec::new()), None);
    assert!(engine.holds_on(7), "the other one still has it");
    hold(&mut engine, 0, holdings([10, 0, 0, 1], Answer::Stealth(shared)), 3);
    hold(&mut engine, 1, Holdings::none(), 2);
    assert_eq!(engine.solicited(at(2), 7, &asked, &mut Vec::new()), reply);
    hold(&mut engine, 0, Holdings::none(), 4);
    assert!(!engine.holds_on(7));
}

#[test]
fn a_stall_concerns_those_whose_lease_it_outlasted() {
    let (mut engine, scripts, mut out) = engine_with(&[1, 2]);
    scripts[0].answers(vec![Action::Hold(holdings([10, 0, 0, 1], Answer::Silent))]);
    engine.command(at(1), GroupIndex(0), Command::Announce, &mut out);
    scripts.iter().for_each(|script| drop(script.heard()));
    assert_eq!(engine.shortest_lease(), Some(Duration::from_secs(3)));
    engine.stalled(at(2), Duration::from_secs(2), &mut out);
    assert!(scripts[0].heard().is_empty());
    engine.stalled(at(2), Duration::from_secs(4), &mut out);
    assert_eq!(scripts[0].heard(), ["lapsed 4s"]);
    assert!(scripts[1].heard().is_empty());
}

#[test]
fn a_group_has_left_when_it_holds_nothing_and_waits_for_nothing() {
    let (mut engine, scripts, mut out) = engine_with(&[1]);
    scripts[0].answers(vec![Action::Hold(holdings([10, 0, 0, 1], Answer::Silent))]);
    engine.command(at(1), GroupIndex(0), Command::Announce, &mut out);
    engine.held(at(1), GroupIndex(0), 1, Ok(()), &mut out);
    scripts[0].wakes_at(Some(at(500).monotonic));
    engine.stop(at(2), GroupIndex(0), &mut out);
    assert!(engine.remove_left().is_empty());
    scripts[0].answers(vec![Action::Hold(Holdings::none())]);
    engine.tick(at(500), &mut out);
    assert!(engine.remove_left().is_empty(), "the kernel has not let go yet");
    engine.held(at(501), GroupIndex(0), 2, Ok(()), &mut out);
    assert_eq!(engine.remove_left(), [(GroupIndex(0), identity(1))]);
    assert_eq!(
        engine.receive(at(502), 7, &packet(&[1]), &mut out),
        Delivery::NoSuchGroup { protocol: "script", id: 1 }
    );
    assert_eq!(engine.shortest_lease(), None);
}

/// What each of them was told since the last time.
fn heard_by(scripts: &[Script]) -> Vec<Vec<String>> {
    scripts.iter().map(Script::heard).collect()
}

#[test]
fn groups_that_move_together_weigh_upon_each_other() {
    let (mut engine, scripts, mut out) = engine_with(&[1, 2, 3]);
    let now = at(1);
    for group in 0..3 {
        engine.move_together(now, GroupIndex(group), Some("office"), &mut out);
    }
    scripts.iter().for_each(|script| drop(script.heard()));
    // One of them loses its leg: the others are told, it is not.
    scripts[0].answers(vec![stands(Standing::Down)]);
    engine.command(now, GroupIndex(0), Command::Announce, &mut out);
    assert_eq!(heard_by(&scripts), [vec!["Announce"], vec!["penalty 1"], vec!["penalty 1"]]);
    // A second one: each of them has another one beside it, and the third has two.
    scripts[1].answers(vec![stands(Standing::Down)]);
    engine.command(now, GroupIndex(1), Command::Announce, &mut out);
    assert_eq!(heard_by(&scripts), [vec!["penalty 1"], vec!["Announce"], vec!["penalty 2"]]);
    // One leg is back.
    scripts[0].answers(vec![stands(Standing::StandingBy)]);
    engine.command(now, GroupIndex(0), Command::Announce, &mut out);
    assert_eq!(heard_by(&scripts), [vec!["Announce"], vec!["penalty 0"], vec!["penalty 1"]]);
    // Who goes for good weighs upon nobody, and who belongs to nobody is told nothing.
    engine.stop(now, GroupIndex(1), &mut out);
    assert_eq!(heard_by(&scripts), [vec!["penalty 0"], vec!["stop"], vec!["penalty 0"]]);
    engine.move_together(now, GroupIndex(2), None, &mut out);
    scripts[0].answers(vec![stands(Standing::Down)]);
    engine.command(now, GroupIndex(0), Command::Announce, &mut out);
    assert_eq!(scripts[2].heard(), [""; 0]);
}

#[test]
fn troubles_are_told_as_their_sum() {
    let (mut engine, scripts, mut out) = engine_with(&[1]);
    let (now, group) = (at(1), GroupIndex(0));
    scripts[0].heard();
    engine.trouble(now, group, Trouble::Operator, 5, &mut out);
    for _ in 0..3 {
        engine.sent(now, group, false, &mut out);
    }
    assert_eq!(scripts[0].heard(), ["penalty 5", "penalty 12"]);
    assert_eq!(engine.troubles(group), [(Trouble::Operator, 5), (Trouble::SendErrors, 7)].into());
    for _ in 0..3 {
        engine.sent(now, group, true, &mut out);
    }
    engine.trouble(now, group, Trouble::Operator, 0, &mut out);
    assert_eq!(scripts[0].heard(), ["penalty 5", "penalty 0"]);
}
