//! From an HSRP table of the file to the settings of a group.
//!
//! Every rule is checked whatever the others say: a group with five faults shows five.

mod authentication;
mod explain;
mod follow;
mod timers;

use std::time::Duration;

use ::hsrp::Config;
use ::hsrp::config::{DEFAULT_PRIORITY, InitialDelay, Preempt};
use ::hsrp::vmac::{LAST_GROUP_V1, LAST_GROUP_V2, virtual_link_local, virtual_mac};
use ::hsrp::wire::Version;
use fhrp::{Family, Mac};

pub(super) use self::explain::explain;
use super::claims::Claims;
use super::members::Addresses;
use super::raw;
use super::reader::{Reader, Span, Spanned, or};
use super::shared;
use super::value::TimeSpan;

/// One group while it is being judged.
struct Draft<'a> {
    raw: &'a raw::Hsrp,
    /// The group's heading, for what is missing from it.
    heading: &'a Span,
    interface: &'a str,
    /// Valid or not known.
    id: Option<u16>,
    family: Family,
    version: Version,
}

/// Makes the settings of one group. They count only if `reader` has found no error; the claims are as good as
/// the file allows, so that groups can be compared all the same.
pub(super) fn plan(
    interface: &str,
    raw: &raw::Hsrp,
    heading: &Span,
    reader: &mut Reader,
) -> (Config, Claims) {
    let addresses = Addresses {
        protocol: "hsrp",
        interface,
        list: raw.addresses.as_ref().map_or(&[], |addresses| &addresses.value),
        source: raw.source.as_ref(),
    };
    let family = addresses.family();
    let version = version(raw, family, reader);
    let id = id(raw, heading, version, reader);
    let draft = Draft { raw, heading, interface, id: id.as_ref().map(|id| id.value), family, version };
    let group = draft.id.unwrap_or_default();
    let made = draft.id.and_then(virtual_link_local);
    let usual = Config::new(version, group, family, addresses.plan(made, reader));
    let config = Config {
        follow: follow::plan(&draft, reader),
        priority: priority(raw, reader),
        times: timers::times(&draft, reader),
        jitter: or(&raw.jitter, true),
        preempt: preempt(&draft, reader),
        initial_delay: InitialDelay {
            started: shared::delay("startup-delay", &raw.startup_delay, reader),
            link_up: shared::delay("link-up-delay", &raw.link_up_delay, reader),
        },
        virtual_mac: mac(&draft, reader),
        source: addresses.source(reader),
        authentication: authentication::plan(raw, reader),
        resign_on_coup: or(&raw.resign_on_coup, false),
        interface_state: or(&raw.interface_state, true),
        redirects: or(&raw.redirects, false),
        announcements: shared::announcements(
            &raw.announce,
            follow::announcements(raw, usual.announcements.clone()),
            reader,
        ),
        router: or(&raw.router, true),
        router_advertisement: shared::router_advertisement(
            &raw.router_advertisement,
            &raw.router,
            family,
            reader,
        ),
        ..usual
    };
    let claims = Claims {
        interface: interface.to_owned(),
        protocol: "hsrp",
        family: Some(family),
        name: name(&draft, reader),
        addresses: addresses.claimed(),
        follow: raw.follow.clone(),
        mac: shared::claimed_mac(config.virtual_mac.filter(|_| id.is_some()), &raw.virtual_mac, heading),
        id,
    };
    (config, claims)
}

fn version(raw: &raw::Hsrp, family: Family, reader: &mut Reader) -> Version {
    let usual = if family == Family::Ipv4 { Version::V1 } else { Version::V2 };
    let Some(version) = &raw.version else { return usual };
    match (version.value, family) {
        (1, Family::Ipv4) => Version::V1,
        (2, _) => Version::V2,
        (1, Family::Ipv6) => {
            let label = "write 2 or leave it out: version 1 has no IPv6";
            reader.error(&version.span, "version 1 cannot carry IPv6 addresses", label);
            usual
        }
        (other, _) => {
            reader.error(&version.span, format!("there is no HSRP version {other}"), "1 or 2");
            usual
        }
    }
}

fn id(raw: &raw::Hsrp, heading: &Span, version: Version, reader: &mut Reader) -> Option<Spanned<u16>> {
    let limits = match version {
        Version::V1 => (0..=LAST_GROUP_V1, "0 to 255 in version 1; `version = 2` goes to 4095"),
        Version::V2 => (0..=LAST_GROUP_V2, "0 to 4095"),
    };
    shared::id(&raw.id, &raw.unreadable, heading, "the group's number", limits, reader)
}

fn name(draft: &Draft<'_>, reader: &mut Reader) -> Spanned<String> {
    let number = draft.id.map_or("?".to_owned(), |id| id.to_string());
    let suffix = if draft.family == Family::Ipv6 { " IPv6" } else { "" };
    let usual = format!("{} hsrp {number}{suffix}", draft.interface);
    shared::name(&draft.raw.name, usual, draft.heading, reader)
}

fn priority(raw: &raw::Hsrp, reader: &mut Reader) -> u8 {
    let Some(priority) = &raw.priority else { return DEFAULT_PRIORITY };
    u8::try_from(priority.value).unwrap_or_else(|_| {
        let message = format!("priority {} is out of range", priority.value);
        reader.error(&priority.span, message, "0 to 255; 100 is usual");
        DEFAULT_PRIORITY
    })
}

fn preempt(draft: &Draft<'_>, reader: &mut Reader) -> Preempt {
    let raw = draft.raw;
    let on = or(&raw.preempt, false);
    let delay = shared::delay("preempt-delay", &raw.preempt_delay, reader);
    let after_start = shared::delay("preempt-delay-after-start", &raw.preempt_delay_after_start, reader);
    let sync = shared::delay("preempt-delay-sync", &raw.preempt_delay_sync, reader);
    let some = |time: &Option<Spanned<TimeSpan>>| {
        time.as_ref().filter(|time| !time.value.0.is_zero()).map(|time| time.span.clone())
    };
    let idle = [
        ("preempt-delay", some(&raw.preempt_delay)),
        ("preempt-delay-after-start", some(&raw.preempt_delay_after_start)),
        ("preempt-delay-sync", some(&raw.preempt_delay_sync)),
        (
            "preempt-equal",
            raw.preempt_equal.as_ref().filter(|equal| equal.value).map(|equal| equal.span.clone()),
        ),
    ];
    for (key, span) in idle {
        if let Some(span) = span.filter(|_| !on) {
            let label = "leave it out, or add `preempt = true`: HSRP does not preempt unless it is told to";
            reader.warn(&span, format!("`{key}` has no effect without preemption"), label);
        }
    }
    let by_address = or(&raw.preempt_equal, false);
    // A delay of zero after start means none of its own to the group: it waits as it always does.
    if let Some(raw) =
        raw.preempt_delay_after_start.as_ref().filter(|_| after_start.is_zero() && delay > Duration::ZERO)
    {
        let label = "longer than nothing, or leave it out for `preempt-delay`";
        reader.error(&raw.span, "`preempt-delay-after-start` of 0s beside a `preempt-delay`", label);
    }
    Preempt { on, by_address, delay, delay_after_start: after_start, sync }
}

fn mac(draft: &Draft<'_>, reader: &mut Reader) -> Option<Mac> {
    let standard = virtual_mac(draft.version, draft.family, draft.id.unwrap_or_default());
    let is_somebodys = |mac| ::hsrp::vmac::is_virtual(mac) && draft.id.is_some();
    shared::virtual_mac(&draft.raw.virtual_mac, standard, is_somebodys, "group", reader)
}
