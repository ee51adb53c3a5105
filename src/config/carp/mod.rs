//! From a CARP table of the file to the settings of a virtual host.
//!
//! Every rule is checked whatever the others say: a group with five faults shows five.

mod addresses;
mod balancing;
mod explain;

use std::time::Duration;

use ::carp::Config;
use ::carp::auth::MOST_PORTABLE_PASSWORD;
use ::carp::config::{
    Counting, DEFAULT_DEAD_RATIO, DEFAULT_GRACE, Demotion, Interval, LinkLocal, MOST_SKEW, UcarpTie,
    announcements,
};
use ::carp::vmac::virtual_mac;
use fhrp::{Family, Mac, Secret};

use super::claims::Claims;
use super::raw;
use super::reader::or;
use super::reader::{Reader, Span, Spanned};
use super::shared;
use super::value::{MacChoice, spelt};

pub(super) use explain::explain;

/// Octets that a password has room for.
const LONGEST_PASSWORD: usize = 20;
/// Longer than anybody takes to change two routers.
const LONGEST_GRACE: Duration = Duration::from_secs(3600);
/// Below this interval, the patience of others is the scale of one scheduling delay.
const NEEDS_REAL_TIME: Duration = Duration::from_millis(100);

/// One group while it is being judged.
struct Draft<'a> {
    raw: &'a raw::Carp,
    /// The group's heading, for what is missing from it.
    heading: &'a Span,
    /// Valid or not known.
    id: Option<u8>,
}

impl Draft<'_> {
    fn families(&self) -> impl Iterator<Item = Family> {
        let addresses = self.raw.addresses.as_ref().map_or(&[][..], |addresses| &addresses.value);
        addresses.iter().map(|address| Family::of(address.value.0.ip))
    }
}

/// Makes the settings of one table, which are several groups if they share their addresses.
pub(super) fn plan(
    interface: &str,
    raw: &raw::Carp,
    heading: &Span,
    real_time: bool,
    reader: &mut Reader,
) -> Vec<(Config, Claims)> {
    match balancing::nodes(raw, reader) {
        None => vec![host(interface, raw, heading, real_time, reader)],
        Some(nodes) => {
            let leader = host(interface, &nodes.leader(raw), heading, real_time, reader);
            nodes.divide(interface, raw.name.is_some(), leader)
        }
    }
}

/// Makes the settings of one group. They count only if `reader` has found no error; the claims are as good as
/// the file allows, so that groups can be compared all the same.
fn host(
    interface: &str,
    raw: &raw::Carp,
    heading: &Span,
    real_time: bool,
    reader: &mut Reader,
) -> (Config, Claims) {
    let id = id(raw, heading, reader);
    let draft = Draft { raw, heading, id: id.as_ref().map(|id| id.value) };
    let vhid = draft.id.unwrap_or_default();
    let interval = interval(raw, real_time, reader);
    let password = password(&draft, reader);
    let usual = Config::new(vhid, password, addresses::plan(&draft, reader));
    let config = Config {
        interval,
        dead_ratio: dead_ratio(raw, reader),
        preempt: or(&raw.preempt, false),
        link_local: match or(&raw.hash_link_local, false) {
            true => LinkLocal::Covered,
            false => LinkLocal::LeftOut,
        },
        counting: match or(&raw.counter, raw::CounterUse::Cookie) {
            raw::CounterUse::Cookie => Counting::Cookie,
            raw::CounterUse::Sealed => Counting::Sealed,
        },
        failover_group: raw.failover_group.as_ref().map(|name| name.value.clone()),
        demotion: match or(&raw.demotion, raw::Demotion::Both) {
            raw::Demotion::Counter => Demotion::Counter,
            raw::Demotion::Skew => Demotion::Skew,
            raw::Demotion::Both => Demotion::Both,
        },
        ucarp_tie: match or(&raw.ucarp_tie, raw::UcarpTie::LittleEndian) {
            raw::UcarpTie::LittleEndian => UcarpTie::LittleEndian,
            raw::UcarpTie::BigEndian => UcarpTie::BigEndian,
        },
        strict_family_timers: or(&raw.strict_family_timers, false),
        grace: grace(raw, reader),
        accept: accept(raw, reader),
        virtual_mac: mac(&draft, reader),
        addresses_by_hook: addresses_by_hook(raw, reader),
        broadcast: or(&raw.broadcast, false),
        sources: addresses::sources(&draft, reader),
        destination: addresses::destination(&draft, reader),
        announcements: shared::announcements(&raw.announce, announcements(interval), reader),
        router: or(&raw.router, true),
        router_advertisement: router_advertisement(&draft, reader),
        ..usual
    };
    idle_settings(&draft, reader);
    let usual_name = format!("{interface} carp {}", draft.id.map_or("?".to_owned(), |id| id.to_string()));
    let claims = Claims {
        interface: interface.to_owned(),
        protocol: "carp",
        family: None,
        name: shared::name(&raw.name, usual_name, heading, reader),
        addresses: addresses::claimed(raw),
        follow: None,
        mac: shared::claimed_mac(config.virtual_mac.filter(|_| id.is_some()), &raw.virtual_mac, heading),
        id: id.map(|id| Spanned { value: id.value.into(), span: id.span }),
    };
    (config, claims)
}

fn id(raw: &raw::Carp, heading: &Span, reader: &mut Reader) -> Option<Spanned<u8>> {
    shared::id(&raw.id, &raw.unreadable, heading, "the VHID, 1 to 255", (1..=u8::MAX, "1 to 255"), reader)
}

fn interval(raw: &raw::Carp, real_time: bool, reader: &mut Reader) -> Interval {
    let base =
        octet("advbase", &raw.advbase, 1, 0..=u8::MAX, "0 to 255 seconds; 0 for less than one", reader);
    let skew = octet(
        "advskew",
        &raw.advskew,
        0,
        0..=MOST_SKEW,
        "0 to 254, in 1/256 seconds; 255 is how a router says goodbye",
        reader,
    );
    let interval = Interval { base, skew };
    let length = interval.length();
    if let Some(base) = raw.advbase.as_ref().filter(|_| length < NEEDS_REAL_TIME && !real_time) {
        let label = "advskew 26 at least, or `real-time = true` in `[daemon]`";
        let message =
            format!("advertisements every {} need real-time scheduling, and it is off", spelt(length));
        reader.warn(&base.span, message, label);
    }
    interval
}

fn dead_ratio(raw: &raw::Carp, reader: &mut Reader) -> u8 {
    let label = "1 to 255; 3 is what every kernel has";
    let ratio = octet("dead-ratio", &raw.dead_ratio, DEFAULT_DEAD_RATIO, 1..=u8::MAX, label, reader);
    if let Some(one) = raw.dead_ratio.as_ref().filter(|ratio| ratio.value == 1) {
        let label = "2 at least: one lost advertisement is a fail-over";
        reader.warn(&one.span, "`dead-ratio` of 1 waits for one advertisement alone", label);
    }
    ratio
}

fn octet(
    key: &str,
    raw: &Option<Spanned<i64>>,
    usual: u8,
    range: std::ops::RangeInclusive<u8>,
    label: &str,
    reader: &mut Reader,
) -> u8 {
    let Some(raw) = raw else { return usual };
    match u8::try_from(raw.value) {
        Ok(value) if range.contains(&value) => value,
        _ => {
            reader.error(&raw.span, format!("`{key}` of {} is out of range", raw.value), label);
            usual
        }
    }
}

/// One password, in the file or beside it; or, if the file says so, none.
fn password(draft: &Draft<'_>, reader: &mut Reader) -> Secret {
    let raw = draft.raw;
    let stands = raw.password.as_ref().map(|it| &it.span).or(raw.password_file.as_ref().map(|it| &it.span));
    if or(&raw.no_password, false) {
        if let Some(span) = stands {
            reader.error(span, "there is a password beside `no-password = true`", "keep one of them");
        }
        return Secret::new([]);
    }
    if stands.is_none() && !raw.unreadable.iter().any(|key| key.starts_with("password")) {
        let label = "write `password-file = \"…\"` or `password = \"…\"` below; `no-password = true` if there is none";
        reader.missing(draft.heading, "this group has no password", label);
        return Secret::new([]);
    }
    let secret =
        shared::one_secret(&raw.password, &raw.password_file, &raw.unreadable, draft.heading, reader);
    let Some((secret, span)) = secret else { return Secret::new([]) };
    let length = secret.expose().len();
    let message = format!("the password has {length} octets");
    if length == 0 {
        let label = "1 to 19 octets; `no-password = true` if there is none";
        reader.error(&span, "the password is empty", label);
    } else if length > LONGEST_PASSWORD {
        reader.error(&span, message, "19 at most: the originals silently cut off the rest, or refuse it");
    } else if length > MOST_PORTABLE_PASSWORD {
        reader.warn(&span, message, "19 at most, if any of the routers is a BSD or runs ucarp");
    }
    secret
}

fn grace(raw: &raw::Carp, reader: &mut Reader) -> Duration {
    let Some(grace) = &raw.grace else { return DEFAULT_GRACE };
    if grace.value.0 > LONGEST_GRACE {
        let message = format!("`grace` of {} is out of range", spelt(grace.value.0));
        reader.error(&grace.span, message, format!("{} at most", spelt(LONGEST_GRACE)));
    }
    grace.value.0
}

fn accept(raw: &raw::Carp, reader: &mut Reader) -> bool {
    let plain = raw.virtual_mac.as_ref().is_some_and(|mac| mac.value == MacChoice::Interface);
    if let Some(accept) = raw.accept.as_ref().filter(|accept| plain && !accept.value) {
        let label = "leave it out, or leave out `virtual-mac = false`: an address on the interface is always accepted";
        reader.error(&accept.span, "`accept = false` needs a virtual MAC", label);
    }
    or(&raw.accept, true)
}

fn addresses_by_hook(raw: &raw::Carp, reader: &mut Reader) -> bool {
    let Some(by_hook) = raw.addresses_by_hook.as_ref().filter(|by_hook| by_hook.value) else { return false };
    let plain = raw.virtual_mac.as_ref().is_some_and(|mac| mac.value == MacChoice::Interface);
    if !plain {
        let label =
            "add `virtual-mac = false`, or leave it out: with a virtual MAC the addresses are this daemon's";
        reader.error(&by_hook.span, "`addresses-by-hook` beside a virtual MAC", label);
    }
    if raw.hook.as_ref().is_none_or(|hook| hook.value.up.is_none() || hook.value.down.is_none()) {
        let label = "add `hook = { up = \"…\", down = \"…\" }`, which put them there and take them away";
        reader.error(&by_hook.span, "`addresses-by-hook` without programs for it", label);
    }
    true
}

fn mac(draft: &Draft<'_>, reader: &mut Reader) -> Option<Mac> {
    let standard = virtual_mac(draft.id.unwrap_or_default());
    let is_somebodys = |mac| shared::is_of_iana(mac) && draft.id.is_some();
    shared::virtual_mac(&draft.raw.virtual_mac, Some(standard), is_somebodys, "virtual host", reader)
}

fn router_advertisement(draft: &Draft<'_>, reader: &mut Reader) -> Option<fhrp::holdings::RouterAdvertising> {
    let raw = draft.raw;
    let family =
        if draft.families().any(|family| family == Family::Ipv6) { Family::Ipv6 } else { Family::Ipv4 };
    shared::router_advertisement(&raw.router_advertisement, &raw.router, family, reader)
}

/// Settings that do nothing in this group: somebody believes that they do.
fn idle_settings(draft: &Draft<'_>, reader: &mut Reader) {
    let raw = draft.raw;
    let both = [Family::Ipv4, Family::Ipv6].iter().all(|family| draft.families().any(|own| own == *family));
    if let Some(strict) = raw.strict_family_timers.as_ref().filter(|strict| strict.value && !both) {
        let label = "leave it out: the group has addresses of one family";
        reader.warn(&strict.span, "`strict-family-timers` has no effect", label);
    }
    let sealed = or(&raw.counter, raw::CounterUse::Cookie) == raw::CounterUse::Sealed;
    if let Some(broadcast) = raw.broadcast.as_ref().filter(|it| it.value && raw.peers.is_some()) {
        let label = "leave it out: the peers are spoken to one by one";
        reader.warn(&broadcast.span, "`broadcast` has no effect", label);
    }
    if let Some(tie) = raw.ucarp_tie.as_ref().filter(|_| sealed) {
        let label = "leave it out: with `counter = \"sealed\"` ucarp is not obeyed";
        reader.warn(&tie.span, "`ucarp-tie` has no effect", label);
    }
}
