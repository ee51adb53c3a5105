//! What every pair goes through, with either router preferred: election, a graceful stop, the return of the
//! better one, the death of its daemon, the loss of its power.

use std::net::IpAddr;
use std::time::Duration;

use fhrp::Mac;
use firsthop::lab::{Advert, Deed};

use super::common::possible;
use super::foreign::{Neighbour, PREFERRED, SECOND};
use super::judges::{Told, judge};
use super::pair::{OURS, Pair, THEIRS, counter, named, now};

/// The interfaces' own MACs, as the lab gives them.
const OUR_MAC: Mac = Mac([0x02, 0, 0, 0x10, 0, 2]);
const THEIR_MAC: Mac = Mac([0x02, 0, 0, 0x10, 0, 3]);

/// A pair and what is expected of it.
pub struct Story {
    pub neighbour: Neighbour,
    /// What is used as the gateway first.
    pub addresses: Vec<IpAddr>,
    /// The virtual MAC, if there is one.
    pub virtual_mac: Option<Mac>,
    /// Seconds, or a fraction.
    pub interval: Duration,
    /// Whether version 3's two checksums over IPv4 are in play.
    pub two_forms: bool,
    /// Whether the other one's kernel goes on answering after a graceful stop.
    pub stop_leaves_addresses: bool,
    /// Frames that firsthop must have sent, for the judges.
    pub kinds: Vec<&'static str>,
}

impl Story {
    /// Plays both castings at the same time, each in a network of its own.
    pub fn play(&self) {
        let name = &self.neighbour.name;
        if !possible(name, &[&["ip"], self.neighbour.programs].concat()) {
            return;
        }
        std::thread::scope(|scope| {
            for preferred in [OURS, THEIRS] {
                let casting = move || Play::new(self, preferred).all();
                std::thread::Builder::new()
                    .name(format!("{name}, {preferred} preferred"))
                    .spawn_scoped(scope, casting)
                    .unwrap();
            }
        });
    }
}

struct Play<'a> {
    story: &'a Story,
    pair: Pair,
    better: &'static str,
    worse: &'static str,
}

impl<'a> Play<'a> {
    fn new(story: &'a Story, better: &'static str) -> Self {
        let worse = if better == OURS { THEIRS } else { OURS };
        let priority = |router| if router == better { PREFERRED } else { SECOND };
        let title = format!("{}, {better} preferred", story.neighbour.name);
        let ours = story.neighbour.ours(priority(OURS));
        let pair = Pair::build(&title, story.addresses[0], &ours, &story.neighbour.theirs(priority(THEIRS)));
        Play { story, pair, better, worse }
    }

    fn all(mut self) {
        self.election();
        self.graceful_stop();
        self.daemon_killed();
        self.power_lost();
        self.standby_stops();
        if self.story.two_forms {
            self.forms_are_known();
        }
        let told = if self.story.two_forms { Told::TwoForms } else { Told::Nothing };
        judge(self.pair.title(), &self.pair.capture(), &[OURS], told, &self.story.kinds);
    }

    /// Both start; the better one is Active, alone, and the other follows without a word.
    fn election(&mut self) {
        self.pair.lab.start().unwrap();
        if self.story.two_forms && self.better == OURS {
            // It believes nobody before it was heard itself: only then do we know which form it understands.
            self.pair.until("it is heard", |pair| pair.group()["neighbours"][0].is_object());
        }
        self.settles_on(self.better);
        self.stays_with(self.better);
        let theirs = self.pair.said(THEIRS, 0);
        let group = self.pair.group();
        let state = if self.better == OURS { "Active" } else { "Backup" };
        assert_eq!(group["state"], state, "{}", self.pair.known());
        if self.worse == OURS {
            let active = theirs.last().map(|advert| advert.source.to_string());
            assert_eq!(group["active"].as_str(), active.as_deref(), "{}", self.pair.known());
        }
    }

    /// The better one stops and says so with priority 0; the other takes over at once, and gives back when the
    /// better one returns.
    fn graceful_stop(&mut self) {
        let at = self.pair.fault(Deed::Stop, Some(self.better));
        self.hurries_after_goodbye(at);
        if self.better == THEIRS && self.story.stop_leaves_addresses {
            self.answers_beside_a_dead_one(at);
        } else {
            self.settles_on(self.worse);
        }
        self.said_goodbye_once(self.better, at);
        if self.worse == OURS {
            assert!(counter(&self.pair.group(), "priority-zero-received") >= 1, "{}", self.pair.known());
        }
        self.pair.fault(Deed::Recover, None);
        self.settles_on(self.better);
    }

    /// `kill -9` of the better one's daemon. Ours lets go without its help; the others' kernels go on
    /// answering, which is theirs to mend.
    fn daemon_killed(&mut self) {
        let at = self.pair.fault(Deed::Kill, Some(self.better));
        if self.better == OURS {
            self.hurries_after_goodbye(at);
            self.settles_on(self.worse);
            self.said_goodbye_once(OURS, at);
        } else {
            self.answers_beside_a_dead_one(at);
            // keepalived refuses to start while its dead child waits for the machine's init, which takes its time.
            self.pair.shell(THEIRS, "rm -f /run/keepalived*.pid");
        }
        self.pair.fault(Deed::Recover, None);
        self.settles_on(self.better);
    }

    /// The better one loses power and says nothing; it comes back with an empty kernel.
    fn power_lost(&mut self) {
        let at = self.pair.fault(Deed::Power, Some(self.better));
        self.settles_on(self.worse);
        assert!(self.pair.said(self.better, at).iter().all(|advert| advert.priority != 0));
        self.pair.fault(Deed::Recover, None);
        self.settles_on(self.better);
    }

    /// The other one stops while it follows: no business of anybody's.
    fn standby_stops(&mut self) {
        let at = self.pair.fault(Deed::Stop, Some(self.worse));
        self.pair.lab.router(self.worse).unwrap().wait_for_stop().unwrap();
        if self.worse == OURS || !self.story.stop_leaves_addresses {
            self.stays_with(self.better);
        }
        let last_words = self.pair.said(self.worse, at);
        assert!(last_words.is_empty(), "a Backup has nothing to say: {last_words:?}");
        self.pair.fault(Deed::Recover, None);
    }

    /// The neighbour's form of checksum is seen, shown, counted, and what we send is in the same form.
    fn forms_are_known(&mut self) {
        self.pair.until("it is heard again", |pair| pair.group()["neighbours"][0].is_object());
        let group = self.pair.group();
        let heard = &group["neighbours"][0];
        assert_eq!(named(&heard["details"], "checksum")["value"], "RFC 5798 pseudo-header form", "{group:#}");
        assert_eq!(named(&group["details"], "checksum")["value"], "RFC 5798 pseudo-header form", "{group:#}");
        assert!(counter(&group, "pseudo-header-checksums") >= 1, "{group:#}");
    }

    /// Waits until this router alone answers for all addresses, and it alone advertises.
    fn settles_on(&mut self, router: &str) {
        let story = self.story;
        let other = if router == OURS { THEIRS } else { OURS };
        self.pair.until(&format!("{router} is the gateway"), |pair| {
            let recently = now().saturating_sub(story.interval.as_nanos() as u64 * 3 / 2);
            let says = |router| pair.said(router, recently).iter().any(|advert: &Advert| advert.priority > 0);
            says(router) && !says(other) && story.addresses.iter().all(|ip| pair.answered_by(*ip, router))
        });
        self.one_answer(router);
    }

    /// Nothing changes for five intervals.
    fn stays_with(&mut self, router: &str) {
        let other = if router == OURS { THEIRS } else { OURS };
        let since = now();
        self.pair.until("five more adverts", |pair| pair.said(router, since).len() >= 5);
        assert_eq!(self.pair.said(other, since), [], "{}", self.pair.known());
        self.one_answer(router);
    }

    /// Each question has exactly one answer, with the right MAC.
    fn one_answer(&mut self, router: &str) {
        let own = if router == OURS { OUR_MAC } else { THEIR_MAC };
        let expected = [(router.to_owned(), self.story.virtual_mac.unwrap_or(own))];
        for ip in self.story.addresses.clone() {
            let answers = self.pair.who(ip);
            assert_eq!(answers, expected, "{ip}\n{}", self.pair.known());
        }
    }

    /// Waits until ours has taken over, whatever the other one's kernel does.
    fn answers_beside_a_dead_one(&mut self, since: u64) {
        let story = self.story;
        self.pair.until("firsthop advertises", |pair| !pair.said(OURS, since).is_empty());
        self.pair.until("firsthop answers beside the dead one's kernel", |pair| {
            let answers =
                |ip: &IpAddr| pair.who(*ip).iter().filter(|(router, _)| router == OURS).count() == 1;
            story.addresses.iter().all(answers)
        });
    }

    /// The worse one takes over because of the goodbye, which it must have believed, and not by time-out. The two
    /// are two intervals apart, which only at a second each is more than a busy machine may take.
    fn hurries_after_goodbye(&mut self, since: u64) {
        let (better, worse, interval) = (self.better, self.worse, self.story.interval);
        self.pair.until(&format!("{worse} advertises"), |pair| !pair.said(worse, since).is_empty());
        let goodbye =
            self.pair.said(better, since).iter().find(|advert| advert.priority == 0).map(|advert| advert.at);
        let first = self.pair.said(worse, since)[0].at;
        let hurried = goodbye.is_some_and(|goodbye| {
            first > goodbye && (interval < Duration::from_secs(1) || first - goodbye < 2_500_000_000)
        });
        assert!(hurried, "goodbye at {goodbye:?}, take-over at {first}\n{}", self.pair.known());
    }

    /// One advert with priority 0, and then silence.
    fn said_goodbye_once(&mut self, router: &str, since: u64) {
        let said = self.pair.said(router, since);
        let goodbyes = said.iter().filter(|advert| advert.priority == 0).count();
        let last = said.last().map(|advert| advert.priority);
        assert_eq!((goodbyes, last), (1, Some(0)), "{said:?}\n{}", self.pair.known());
    }
}

impl Pair {
    fn answered_by(&self, ip: IpAddr, router: &str) -> bool {
        matches!(self.who(ip).as_slice(), [(answers, _)] if answers == router)
    }

    /// Runs a shell command on a router and gives what it prints.
    pub fn shell(&mut self, router: &str, command: &str) -> String {
        let mut shell = self.lab.router(router).unwrap().node().command("sh").unwrap();
        let output = shell.args(["-ec", command]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{command}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }
}
