//! What tables of several protocols have in common, judged alike.

use std::ops::RangeInclusive;
use std::time::Duration;

use fhrp::announcer::{ArpForm, Schedule};
use fhrp::holdings::RouterAdvertising;
use fhrp::{Family, Mac, Secret};

use super::raw::{self, ArpShape};
use super::reader::{Reader, Span, Spanned, or};
use super::value::{MacChoice, SecretText, TimeSpan, octets_from_hex, secret_from_file, spelt};

/// The longest delay: keepalived's limit, and longer than any routing protocol takes to converge.
const LONGEST_DELAY: Duration = Duration::from_secs(1000);
/// Default MaxRtrAdvInterval. RFC 4861 §6.2.1.
const DEFAULT_ROUTER_INTERVAL: Duration = Duration::from_secs(600);

/// How long something waits.
pub(super) fn delay(key: &str, raw: &Option<Spanned<TimeSpan>>, reader: &mut Reader) -> Duration {
    let Some(delay) = raw else { return Duration::ZERO };
    if delay.value.0 > LONGEST_DELAY {
        let message = format!("`{key}` of {} is out of range", spelt(delay.value.0));
        reader.error(&delay.span, message, format!("{} at most", spelt(LONGEST_DELAY)));
    }
    delay.value.0
}

/// When announcements are sent again; `usual` says what is not said.
pub(super) fn announcements(
    raw: &Option<Spanned<raw::Announce>>,
    usual: Schedule,
    reader: &mut Reader,
) -> Schedule {
    let raw = raw.as_ref().map(|announce| announce.value.clone()).unwrap_or_default();
    let mut last = Duration::ZERO;
    let mut repeats = Vec::new();
    for repeat in raw.repeats.iter().flat_map(|repeats| &repeats.value) {
        let delay = repeat.value.0;
        if delay <= last {
            let message = format!("{} does not come after {}", spelt(delay), spelt(last));
            let label = "later than the one before: each counts from the first announcement";
            reader.error(&repeat.span, message, label);
        }
        last = last.max(delay);
        repeats.push(delay);
    }
    // Where there is a refresh by itself, none at all must be possible to say.
    let none = |refresh: Duration| refresh.is_zero() && usual.refresh.is_some();
    let floods = |refresh: Duration| refresh < Duration::from_secs(1) && !none(refresh);
    if let Some(refresh) = raw.refresh.as_ref().filter(|refresh| floods(refresh.value.0)) {
        let message = format!("a `refresh` every {} floods the segment", spelt(refresh.value.0));
        reader.error(&refresh.span, message, "1s at least; \"60s\" is usual; leave it out for none");
    }
    Schedule {
        repeats: if raw.repeats.is_some() { repeats } else { usual.repeats },
        refresh: match raw.refresh.as_ref().map(|refresh| refresh.value.0) {
            None => usual.refresh,
            Some(refresh) => Some(refresh).filter(|refresh| !none(*refresh)),
        },
        form: match raw.arp.as_ref().map(|arp| arp.value) {
            None => usual.form,
            Some(ArpShape::Request) => ArpForm::Request,
            Some(ArpShape::Reply) => ArpForm::Reply,
            Some(ArpShape::Both) => ArpForm::Both,
        },
    }
}

/// Router advertisements, within the limits of RFC 4861 §6.2.1.
pub(super) fn router_advertisement(
    raw: &Option<Spanned<raw::RouterAdvertisement>>,
    router: &Option<Spanned<bool>>,
    family: Family,
    reader: &mut Reader,
) -> Option<RouterAdvertising> {
    let raw = raw.as_ref()?;
    if family == Family::Ipv4 {
        let label = "leave it out, or move it to the IPv6 group";
        reader.error(&raw.span, "an IPv4 group sends no router advertisements", label);
    }
    if let Some(router) = router.as_ref().filter(|router| !router.value) {
        let label = "leave it out: who sends router advertisements is a router";
        reader.error(&router.span, "`router = false` beside `router-advertisement`", label);
    }
    let raw = &raw.value;
    let interval = raw.interval.as_ref().map_or(DEFAULT_ROUTER_INTERVAL, |interval| interval.value.0);
    let limits = Duration::from_secs(4)..=Duration::from_secs(1800);
    if let Some(raw) = raw.interval.as_ref().filter(|_| !limits.contains(&interval)) {
        let message = format!("`interval` of {} is out of range", spelt(interval));
        reader.error(&raw.span, message, "4s to 30m (RFC 4861 §6.2.1)");
    }
    let lifetime = raw.lifetime.as_ref().map_or(interval * 3, |lifetime| lifetime.value.0);
    if let Some(raw) = &raw.lifetime
        && !lifetime.is_zero()
        && (lifetime < interval || lifetime > Duration::from_secs(9000))
    {
        let label =
            format!("0s, or {} to 150m: hosts must not lose their router between two", spelt(interval));
        reader.error(&raw.span, format!("`lifetime` of {} is out of range", spelt(lifetime)), label);
    }
    let networks = raw.prefixes.iter().flat_map(|prefixes| &prefixes.value);
    for network in networks.clone() {
        if Family::of(network.value.0.ip) != Family::Ipv6 {
            reader.error(
                &network.span,
                format!("{} is not IPv6", network.value.0),
                "such as \"2001:db8::/64\"",
            );
        }
    }
    Some(RouterAdvertising {
        lifetime,
        interval,
        managed: or(&raw.managed, false),
        other: or(&raw.other, false),
        prefixes: networks.map(|network| network.value.0).collect(),
    })
}

/// A password here or in a file, and where it stands. `around` is the table that ought to have it.
pub(super) fn one_secret(
    password: &Option<Spanned<SecretText>>,
    password_file: &Option<Spanned<String>>,
    unreadable: &[&str],
    around: &Span,
    reader: &mut Reader,
) -> Option<(Secret, Span)> {
    match (password, password_file) {
        (Some(_), Some(file)) => {
            let label = "keep one: `password` or `password-file`";
            reader.error(&file.span, "the password stands here twice", label);
            None
        }
        (Some(password), None) => Some((password.value.0.clone(), password.span.clone())),
        (None, Some(file)) => secret_from_file(file, reader).map(|secret| (secret, file.span.clone())),
        (None, None) if unreadable.iter().any(|key| ["password", "password_file"].contains(key)) => None,
        (None, None) => {
            let label = "add `password = \"…\"` or `password-file = \"…\"`";
            reader.missing(around, "this authentication has no password", label);
            None
        }
    }
}

/// The three ways in which a key is written.
pub(super) struct KeyText<'a> {
    pub(super) text: &'a Option<Spanned<SecretText>>,
    pub(super) hex: &'a Option<Spanned<SecretText>>,
    pub(super) file: &'a Option<Spanned<String>>,
    pub(super) unreadable: &'a [&'static str],
}

/// The octets of a key, and where they stand. `around` is the key's table.
pub(super) fn key_secret(key: &KeyText<'_>, around: &Span, reader: &mut Reader) -> Option<(Secret, Span)> {
    let ways = [key.text.is_some(), key.hex.is_some(), key.file.is_some()];
    if ways.iter().filter(|way| **way).count() > 1 {
        reader.error(around, "this key stands here twice", "keep one: `key`, `key-hex` or `key-file`");
        return None;
    }
    if let Some(text) = key.text {
        return Some((text.value.0.clone(), text.span.clone()));
    }
    if let Some(hex) = key.hex {
        let octets = octets_from_hex(hex.value.0.expose());
        if octets.is_none() {
            reader.error(&hex.span, "`key-hex` is not hexadecimal", "pairs of the digits 0 to 9 and a to f");
        }
        return octets.map(|octets| (Secret::new(octets), hex.span.clone()));
    }
    if let Some(file) = key.file {
        return secret_from_file(file, reader).map(|secret| (secret, file.span.clone()));
    }
    if !key.unreadable.iter().any(|name| name.starts_with("key")) {
        let label = "add `key-file = \"…\"`, `key-hex = \"…\"` or `key = \"…\"`";
        reader.missing(around, "this key says nothing but its number", label);
    }
    None
}

/// The number of a key, where it stands, and that no other key has it. `around` is the key's table.
pub(super) fn key_number(
    id: &Option<Spanned<i64>>,
    unreadable: &[&str],
    around: &Span,
    numbers: &RangeInclusive<i64>,
    seen: &mut Vec<(i64, Span)>,
    reader: &mut Reader,
) -> Option<u32> {
    let Some(id) = id else {
        if !unreadable.contains(&"id") {
            let label = "add `id = 1`: its number on the wire";
            reader.missing(around, "this key has no `id`", label);
        }
        return None;
    };
    if !numbers.contains(&id.value) {
        let label = format!("{} to {}", numbers.start(), numbers.end());
        reader.error(&id.span, format!("key number {} is out of range", id.value), label);
    }
    if let Some((_, first)) = seen.iter().find(|(number, _)| *number == id.value) {
        let message = format!("two keys have the number {}", id.value);
        let first = (first.clone(), "the first of them");
        reader.collision(&id.span, message, "a number of its own for each".into(), first);
    }
    seen.push((id.value, id.span.clone()));
    u32::try_from(id.value).ok()
}

/// Keys that all routers of a group must have alike have a length that all can be told.
pub(super) fn judge_length(
    secret: &Secret,
    span: &Span,
    allowed: RangeInclusive<usize>,
    reader: &mut Reader,
) {
    let length = secret.expose().len();
    if !allowed.contains(&length) {
        let label = format!("{} to {} octets, the same on all routers", allowed.start(), allowed.end());
        reader.error(span, format!("the key has {length} octets"), label);
    }
}

/// The number that a group has on the wire. `what` it is; `limits` are the numbers that it may be, in words, too.
pub(super) fn id<Number: TryFrom<i64> + PartialOrd>(
    id: &Option<Spanned<i64>>,
    unreadable: &[&str],
    heading: &Span,
    what: &str,
    limits: (RangeInclusive<Number>, &str),
    reader: &mut Reader,
) -> Option<Spanned<Number>> {
    let Some(id) = id else {
        if !unreadable.contains(&"id") {
            let label = format!("write `id = 10` below: {what}, the same on all its routers");
            reader.missing(heading, "this group has no `id`", label);
        }
        return None;
    };
    let (numbers, in_words) = limits;
    match Number::try_from(id.value) {
        Ok(number) if numbers.contains(&number) => Some(Spanned { value: number, span: id.span.clone() }),
        _ => {
            reader.error(&id.span, format!("id {} is out of range", id.value), in_words);
            None
        }
    }
}

/// The virtual MAC that is chosen; `None`: the interface's own. `standard` is the group's by its number. Another one
/// that `is_somebodys` by theirs is probably a mistake.
pub(super) fn virtual_mac(
    choice: &Option<Spanned<MacChoice>>,
    standard: Option<Mac>,
    is_somebodys: impl Fn(Mac) -> bool,
    somebody: &str,
    reader: &mut Reader,
) -> Option<Mac> {
    let Some(choice) = choice else { return standard };
    match choice.value {
        MacChoice::Standard => standard,
        MacChoice::Interface => None,
        MacChoice::Custom(mac) => {
            if let Some(standard) = standard.filter(|standard| *standard != mac && is_somebodys(mac)) {
                let label = format!("leave it out for {standard}, or take one that begins with 02");
                reader.warn(&choice.span, format!("{mac} belongs to another {somebody}"), label);
            }
            Some(mac)
        }
    }
}

/// Whether a MAC is of the block that VRRP and CARP make theirs of. RFC 9568 §7.3.
pub(super) fn is_of_iana(mac: Mac) -> bool {
    mac.0.starts_with(&[0x00, 0x00, 0x5e, 0x00])
}

/// A virtual MAC, and where it is chosen: by itself under the heading, or in so many words.
pub(super) fn claimed_mac(
    mac: Option<Mac>,
    choice: &Option<Spanned<MacChoice>>,
    heading: &Span,
) -> Option<Spanned<Mac>> {
    let span = choice.as_ref().map_or(heading, |choice| &choice.span);
    mac.map(|mac| Spanned { value: mac, span: span.clone() })
}

/// A name that can be shown, or the usual one.
pub(super) fn name(
    name: &Option<Spanned<String>>,
    usual: String,
    heading: &Span,
    reader: &mut Reader,
) -> Spanned<String> {
    let Some(name) = name else { return Spanned { value: usual, span: heading.clone() } };
    if name.value.trim().is_empty() || name.value.chars().any(char::is_control) {
        reader.error(&name.span, "`name` cannot be shown", "a name that can be read, or leave it out");
    }
    name.clone()
}

/// A name as it stands in a heading.
pub(super) fn quoted(interface: &str) -> String {
    let bare = interface.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet));
    if bare { interface.to_owned() } else { format!("\"{interface}\"") }
}
