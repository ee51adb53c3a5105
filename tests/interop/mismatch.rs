//! Pairs that cannot agree: two Actives, which everybody must be told. The neighbour is listed with the reason,
//! the fault is counted under its own name, the alarm is raised, and it ends when the neighbour does.

use firsthop::lab::Deed;

use super::common::possible;
use super::foreign::{keepalived, our_group};
use super::judges::{Told, judge};
use super::pair::{Foreign, OURS, Pair, THEIRS, counter};

struct Mismatch {
    name: &'static str,
    /// Extra lines of both.
    ours: &'static str,
    theirs: &'static str,
    /// Part of the reason beside the neighbour's name.
    reason: &'static str,
    counter: &'static str,
}

const MISMATCHES: [Mismatch; 7] = [
    Mismatch {
        name: "another password",
        ours: "version = 2\nauthentication = { kind = \"text\", password = \"monkey\" }",
        theirs: "version 2\nadvert_int 1\nauthentication {\nauth_type PASS\nauth_pass donkey\n}",
        reason: "another password than ours",
        counter: "authentication-failures",
    },
    Mismatch {
        name: "another key",
        ours: "version = 2\nauthentication = { kind = \"ah\", password = \"monkey\" }",
        theirs: "version 2\nadvert_int 1\nauthentication {\nauth_type AH\nauth_pass donkey\n}",
        reason: "digest",
        counter: "authentication-failures",
    },
    Mismatch {
        name: "no password",
        ours: "version = 2\nauthentication = { kind = \"text\", password = \"monkey\" }",
        theirs: "version 2\nadvert_int 1",
        reason: "no authentication, must be text authentication",
        counter: "authentication-type-mismatch",
    },
    Mismatch {
        name: "another version than 3",
        ours: "advertise-interval = \"100ms\"",
        theirs: "version 2\nadvert_int 1",
        reason: "version 2",
        counter: "version-errors",
    },
    Mismatch {
        name: "another version than 2",
        ours: "version = 2",
        theirs: "version 3\nadvert_int 0.1",
        reason: "version 3",
        counter: "version-errors",
    },
    Mismatch {
        name: "another interval in version 2",
        ours: "version = 2",
        theirs: "version 2\nadvert_int 2",
        reason: "interval",
        counter: "advertise-interval-errors",
    },
    Mismatch {
        name: "another address in version 2",
        ours: "version = 2",
        theirs: "version 2\nadvert_int 1\nvirtual_ipaddress_excluded {\n10.0.10.9/24\n}",
        reason: "address",
        counter: "address-list-errors",
    },
];

/// keepalived puts its own adverts off whenever it hears one that it refuses, and so falls silent beside an equal
/// or faster neighbour, with the addresses still its own. Deaf, it shows what it is.
const DEAF: [&str; 3] = [
    "nft add table ip deaf",
    "nft add chain ip deaf input '{ type filter hook input priority 0; }'",
    "nft add rule ip deaf input ip protocol '{ 51, 112 }' drop",
];

#[test]
fn mismatches_are_seen_counted_and_raise_the_alarm() {
    if !possible("keepalived, mismatches", &["ip", "nft", "keepalived"]) {
        return;
    }
    std::thread::scope(|scope| {
        for mismatch in &MISMATCHES {
            std::thread::Builder::new()
                .name(mismatch.name.to_owned())
                .spawn_scoped(scope, || mismatch.play())
                .unwrap();
        }
    });
}

impl Mismatch {
    fn play(&self) {
        let gateway = "10.0.10.1";
        let ours = our_group(&[gateway], &format!("virtual-mac = false\n{}", self.ours));
        // The same number of addresses, but not the same ones.
        let advertised = if self.name.contains("address") { "10.0.10.7" } else { gateway };
        let config = keepalived(&[advertised], self.theirs).replace("PRIORITY", "100");
        let theirs = Foreign { daemon: "keepalived", config, setup: DEAF.map(str::to_owned).to_vec() };
        let mut pair =
            Pair::build(self.name, gateway.parse().unwrap(), &ours.replace("PRIORITY", "200"), &theirs);
        pair.lab.start().unwrap();
        pair.until("both are Active", |pair| {
            !pair.said(OURS, 0).is_empty() && !pair.said(THEIRS, 0).is_empty()
        });
        pair.until("the alarm", |pair| pair.group()["alarms"][0].is_string());
        let group = pair.group();
        let known = || format!("{}: {group:#}", self.name);
        assert_eq!(group["state"], "Active", "{}", known());
        let alarm = group["alarms"][0].as_str().unwrap_or_default();
        assert!(alarm.starts_with("two-actives: 10.0.10.3"), "{}", known());
        let neighbour = &group["neighbours"][0];
        assert_eq!(neighbour["address"], "10.0.10.3", "{}", known());
        assert_eq!(neighbour["accepted"], 0, "{}", known());
        assert!(neighbour["rejected"].as_u64().unwrap_or_default() >= 1, "{}", known());
        let refused = neighbour["refused"].as_str().unwrap_or_default();
        assert!(refused.contains(self.reason), "{refused}: {}", known());
        assert!(counter(&group, self.counter) >= 1, "{}", known());

        pair.fault(Deed::Stop, Some(THEIRS));
        pair.until("the alarm is over", |pair| pair.group()["alarms"].as_array().is_some_and(Vec::is_empty));
        judge(self.name, &pair.capture(), &[OURS], Told::TwoForms, &["vrrp", "arp"]);
    }
}
