//! From a VRRP table of the file to the settings of a virtual router.
//!
//! Every rule is checked whatever the others say: a group with five faults shows five.

mod addresses;
mod authentication;
mod explain;
mod timers;

use std::time::Duration;

use fhrp::{Family, Mac};
use vrrp::Config;
use vrrp::config::{
    AcceptChecksum, DEFAULT_PRIORITY, OWNER_PRIORITY, OnMismatch, SendChecksum, Versions, virtual_mac,
};

pub(super) use self::explain::explain;
use super::claims::Claims;
use super::raw::{self, Version};
use super::reader::or;
use super::reader::{Reader, Span, Spanned};
use super::shared;
use super::value::MacChoice;

/// One group while it is being judged.
struct Draft<'a> {
    raw: &'a raw::Vrrp,
    /// The group's heading, for what is missing from it.
    heading: &'a Span,
    interface: &'a str,
    /// Valid or not known.
    id: Option<u8>,
    family: Family,
    versions: Versions,
    owner: bool,
    real_time: bool,
}

impl Draft<'_> {
    fn speaks_v2(&self) -> bool {
        self.versions != Versions::V3
    }

    fn speaks_v3(&self) -> bool {
        self.versions != Versions::V2
    }

    /// Whether hosts are told the interface's own MAC.
    fn plain(&self) -> bool {
        self.raw.virtual_mac.as_ref().is_some_and(|mac| mac.value == MacChoice::Interface)
    }
}

/// Makes the settings of one group. They count only if `reader` has found no error; the claims are as good as
/// the file allows, so that groups can be compared all the same.
pub(super) fn plan(
    interface: &str,
    raw: &raw::Vrrp,
    heading: &Span,
    real_time: bool,
    reader: &mut Reader,
) -> (Config, Claims) {
    let id = id(raw, heading, reader);
    let family = addresses::family(raw);
    let draft = Draft {
        raw,
        heading,
        interface,
        id: id.as_ref().map(|id| id.value),
        family,
        versions: versions(raw, family, reader),
        owner: or(&raw.owner, false),
        real_time,
    };
    let vrid = draft.id.unwrap_or_default();
    let config = Config {
        vrid,
        family,
        versions: draft.versions,
        priority: priority(&draft, reader),
        advertise_interval: timers::advertise_interval(&draft, reader),
        addresses: addresses::advertised(&draft, reader),
        excluded: addresses::excluded(&draft),
        preempt: preempt(&draft, reader),
        preempt_delay: timers::preempt_delay(&draft, reader),
        startup_delay: timers::startup_delay(&draft, reader),
        accept: accept(&draft, reader),
        virtual_mac: mac(&draft, reader),
        source: addresses::source(&draft, reader),
        peers: addresses::peers(&draft, reader),
        send_checksum: send_checksum(&draft, reader),
        accept_checksum: accept_checksum(&draft, reader),
        authentication: authentication::plan(&draft, reader),
        on_mismatch: match or(&raw.on_mismatch, raw::OnMismatch::Discard) {
            raw::OnMismatch::Discard => OnMismatch::Discard,
            raw::OnMismatch::Accept => OnMismatch::Accept,
        },
        learn_interval: or(&raw.learn_interval, false),
        announcements: timers::announcements(&draft, reader),
        router: or(&raw.router, true),
        router_advertisement: timers::router_advertisement(&draft, reader),
    };
    idle_settings(&draft, reader);
    let claims = Claims {
        interface: interface.to_owned(),
        protocol: "vrrp",
        family: Some(family),
        name: name(&draft, reader),
        addresses: addresses::claimed(raw),
        follow: None,
        mac: shared::claimed_mac(config.virtual_mac.filter(|_| id.is_some()), &raw.virtual_mac, heading),
        id: id.map(|id| Spanned { value: id.value.into(), span: id.span }),
    };
    (config, claims)
}

fn id(raw: &raw::Vrrp, heading: &Span, reader: &mut Reader) -> Option<Spanned<u8>> {
    let limits = (1..=u8::MAX, "1 to 255 (RFC 9568 §5.2.3)");
    shared::id(&raw.id, &raw.unreadable, heading, "1 to 255", limits, reader)
}

fn name(draft: &Draft<'_>, reader: &mut Reader) -> Spanned<String> {
    let number = draft.id.map_or("?".to_owned(), |id| id.to_string());
    let suffix = if draft.family == Family::Ipv6 { " IPv6" } else { "" };
    let usual = format!("{} vrrp {number}{suffix}", draft.interface);
    shared::name(&draft.raw.name, usual, draft.heading, reader)
}

fn versions(raw: &raw::Vrrp, family: Family, reader: &mut Reader) -> Versions {
    let Some(version) = &raw.version else { return Versions::V3 };
    let versions = match version.value {
        Version::Two => Versions::V2,
        Version::Three => Versions::V3,
        Version::Both => Versions::Both,
    };
    if family == Family::Ipv6 && versions != Versions::V3 {
        let label = "write 3 or leave it out: version 2 has no IPv6 (RFC 3768 §1)";
        reader.error(&version.span, "version 2 cannot carry IPv6 addresses", label);
        return Versions::V3;
    }
    versions
}

fn priority(draft: &Draft<'_>, reader: &mut Reader) -> u8 {
    let own = if draft.owner { OWNER_PRIORITY } else { DEFAULT_PRIORITY };
    let Some(priority) = &draft.raw.priority else { return own };
    match u8::try_from(priority.value) {
        Ok(OWNER_PRIORITY) if draft.owner => OWNER_PRIORITY,
        Ok(1..=254) if draft.owner => {
            let label = "leave it out: an owner has 255 (RFC 9568 §5.2.4)";
            reader.error(&priority.span, "an address owner cannot choose its `priority`", label);
            own
        }
        Ok(number @ 1..=254) => number,
        Ok(OWNER_PRIORITY) => {
            let label = "write `owner = true` instead, if the addresses are this router's own; else 1 to 254 (RFC 9568 §5.2.4)";
            reader.error(&priority.span, "priority 255 is the address owner's", label);
            own
        }
        Ok(0) => {
            let label = "1 to 254; 0 is how a router says goodbye (RFC 9568 §5.2.4)";
            reader.error(&priority.span, "priority 0 is out of range", label);
            own
        }
        _ => {
            let label = "1 to 254; an address owner says `owner = true` instead (RFC 9568 §5.2.4)";
            reader.error(&priority.span, format!("priority {} is out of range", priority.value), label);
            own
        }
    }
}

fn preempt(draft: &Draft<'_>, reader: &mut Reader) -> bool {
    match &draft.raw.preempt {
        Some(preempt) if draft.owner && !preempt.value => {
            let label = "leave it out: an owner always preempts (RFC 9568 §6.1)";
            reader.error(&preempt.span, "an address owner cannot do without preemption", label);
            true
        }
        preempt => or(preempt, true),
    }
}

fn accept(draft: &Draft<'_>, reader: &mut Reader) -> bool {
    match &draft.raw.accept {
        Some(accept) if draft.owner && !accept.value => {
            let label = "leave it out: an owner always accepts (RFC 9568 §6.1)";
            reader.error(&accept.span, "an address owner cannot refuse its own addresses", label);
            true
        }
        Some(accept) if draft.plain() && !accept.value => {
            let label = "leave it out, or leave out `virtual-mac = false`: an address on the interface is always accepted";
            reader.error(&accept.span, "`accept = false` needs a virtual MAC", label);
            true
        }
        accept => or(accept, true),
    }
}

fn mac(draft: &Draft<'_>, reader: &mut Reader) -> Option<Mac> {
    let standard = virtual_mac(draft.family, draft.id.unwrap_or_default());
    let is_somebodys = |mac| shared::is_of_iana(mac) && draft.id.is_some();
    shared::virtual_mac(&draft.raw.virtual_mac, Some(standard), is_somebodys, "virtual router", reader)
}

fn send_checksum(draft: &Draft<'_>, reader: &mut Reader) -> SendChecksum {
    let Some(checksum) = &draft.raw.checksum else { return SendChecksum::AsHeard };
    one_checksum(draft, "checksum", &checksum.span, reader);
    match checksum.value {
        raw::Checksum::AsHeard => SendChecksum::AsHeard,
        raw::Checksum::Rfc9568 => SendChecksum::MessageOnly,
        raw::Checksum::PseudoHeader => SendChecksum::PseudoHeader,
    }
}

fn accept_checksum(draft: &Draft<'_>, reader: &mut Reader) -> AcceptChecksum {
    let Some(checksum) = &draft.raw.accept_checksum else { return AcceptChecksum::Both };
    one_checksum(draft, "accept-checksum", &checksum.span, reader);
    match checksum.value {
        raw::AcceptChecksum::Both => AcceptChecksum::Both,
        raw::AcceptChecksum::Rfc9568 => AcceptChecksum::MessageOnly,
        raw::AcceptChecksum::PseudoHeader => AcceptChecksum::PseudoHeader,
    }
}

/// Only version 3 over IPv4 has two forms to choose from.
fn one_checksum(draft: &Draft<'_>, key: &str, span: &Span, reader: &mut Reader) {
    let why = match draft.family {
        Family::Ipv6 => "IPv6 has",
        Family::Ipv4 if !draft.speaks_v3() => "version 2 has",
        Family::Ipv4 => return,
    };
    reader.warn(span, format!("`{key}` has no effect"), format!("leave it out: {why} one form only"));
}

/// Settings that do nothing in this group: somebody believes that they do.
fn idle_settings(draft: &Draft<'_>, reader: &mut Reader) {
    let raw = draft.raw;
    if let Some(learn) = raw.learn_interval.as_ref().filter(|learn| learn.value && !draft.speaks_v2()) {
        let label = "leave it out: version 3 always learns the interval";
        reader.warn(&learn.span, "`learn-interval` has no effect", label);
    }
    if let Some(mismatch) = raw.on_mismatch.as_ref().filter(|_| !draft.speaks_v2()) {
        let label = "leave it out: it is about version 2";
        reader.warn(&mismatch.span, "`on-mismatch` has no effect", label);
    }
    if let Some(delay) = raw.preempt_delay.as_ref().filter(|delay| delay.value.0 > Duration::ZERO) {
        let label = "leave it out, or leave out `preempt = false`";
        if !or(&raw.preempt, true) && !draft.owner {
            reader.warn(&delay.span, "`preempt-delay` has no effect without preemption", label);
        }
    }
}
