//! From a GLBP table of the file to the settings of a group.
//!
//! Every rule is checked whatever the others say: a group with five faults shows five.

mod authentication;
mod explain;
mod timers;

use std::time::Duration;

use ::glbp::Config;
use ::glbp::config::{
    Balancing, ClientCache, DEFAULT_FORWARDER_PREEMPT, DEFAULT_PRIORITY, DEFAULT_TIMES, DEFAULT_WEIGHTING,
    Preempt, Weighting,
};
use ::glbp::vmac::{LAST_GROUP, virtual_link_local, virtual_mac};
use fhrp::Family;

pub(super) use self::explain::explain;
use super::claims::Claims;
use super::members::Addresses;
use super::raw;
use super::reader::{Reader, Span, Spanned, or};
use super::shared;
use super::value::spelt;

/// Makes the settings of one group. They count only if `reader` has found no error; the claims are as good as
/// the file allows, so that groups can be compared all the same.
pub(super) fn plan(
    interface: &str,
    raw: &raw::Glbp,
    heading: &Span,
    reader: &mut Reader,
) -> (Config, Claims) {
    let addresses = Addresses {
        protocol: "glbp",
        interface,
        list: raw.addresses.as_ref().map_or(&[], |addresses| &addresses.value),
        source: raw.source.as_ref(),
    };
    let family = addresses.family();
    let id = id(raw, heading, reader);
    let known = id.as_ref().map(|id| id.value);
    let made = known.and_then(virtual_link_local);
    let times = timers::times(raw, reader);
    let hold = times.unwrap_or(DEFAULT_TIMES).hold;
    let config = Config {
        priority: priority(raw, reader),
        times,
        retirement: timers::retirement(raw, hold, reader),
        jitter: or(&raw.jitter, true),
        preempt: preempt(raw, reader),
        forwarder_preempt: forwarder_preempt(raw, reader),
        weighting: weighting(raw, reader),
        balancing: raw
            .load_balancing
            .as_ref()
            .map_or(Balancing::RoundRobin, |method| balancing(method.value)),
        client_cache: client_cache(raw, reader),
        source: addresses.source(reader),
        authentication: authentication::plan(raw, reader),
        redirects: or(&raw.redirects, false),
        router: or(&raw.router, true),
        router_advertisement: shared::router_advertisement(
            &raw.router_advertisement,
            &raw.router,
            family,
            reader,
        ),
        ..Config::new(known.unwrap_or_default(), family, addresses.plan(made, reader))
    };
    let number = known.map_or("?".to_owned(), |id| id.to_string());
    let suffix = if family == Family::Ipv6 { " IPv6" } else { "" };
    let usual = format!("{interface} glbp {number}{suffix}");
    let claims = Claims {
        interface: interface.to_owned(),
        protocol: "glbp",
        family: Some(family),
        name: shared::name(&raw.name, usual, heading, reader),
        addresses: addresses.claimed(),
        follow: None,
        // Of its four; groups of both families with one number have the same.
        mac: id
            .as_ref()
            .and_then(|id| virtual_mac(id.value, 1).map(|mac| Spanned { value: mac, span: id.span.clone() })),
        id,
    };
    (config, claims)
}

fn id(raw: &raw::Glbp, heading: &Span, reader: &mut Reader) -> Option<Spanned<u16>> {
    let limits = (0..=LAST_GROUP, "0 to 1023");
    shared::id(&raw.id, &raw.unreadable, heading, "the group's number", limits, reader)
}

fn priority(raw: &raw::Glbp, reader: &mut Reader) -> u8 {
    let Some(priority) = &raw.priority else { return DEFAULT_PRIORITY };
    match u8::try_from(priority.value) {
        Ok(value) if value > 0 => value,
        _ => {
            let message = format!("priority {} is out of range", priority.value);
            reader.error(&priority.span, message, "1 to 255; 100 is usual");
            DEFAULT_PRIORITY
        }
    }
}

fn preempt(raw: &raw::Glbp, reader: &mut Reader) -> Preempt {
    let on = or(&raw.preempt, false);
    let delay = shared::delay("preempt-delay", &raw.preempt_delay, reader);
    if let Some(delay) = raw.preempt_delay.as_ref().filter(|delay| !on && !delay.value.0.is_zero()) {
        let label = "leave it out, or add `preempt = true`: GLBP does not preempt unless it is told to";
        reader.warn(&delay.span, "`preempt-delay` has no effect without preemption", label);
    }
    Preempt { on, delay }
}

fn forwarder_preempt(raw: &raw::Glbp, reader: &mut Reader) -> Preempt {
    let on = or(&raw.forwarder_preempt, DEFAULT_FORWARDER_PREEMPT.on);
    let Some(given) = &raw.forwarder_preempt_delay else {
        return Preempt { on, ..DEFAULT_FORWARDER_PREEMPT };
    };
    if !on {
        let message = "`forwarder-preempt-delay` has no effect without preemption";
        reader.warn(&given.span, message, "leave it out, or take `forwarder-preempt = false` away");
    }
    Preempt { on, delay: shared::delay("forwarder-preempt-delay", &raw.forwarder_preempt_delay, reader) }
}

fn weighting(raw: &raw::Glbp, reader: &mut Reader) -> Weighting {
    let mut of = |key: &str, raw: &Option<Spanned<i64>>, usual: u8| {
        let Some(given) = raw else { return usual };
        match u8::try_from(given.value) {
            Ok(value) if (1..=254).contains(&value) => value,
            _ => {
                let message = format!("`{key}` of {} is out of range", given.value);
                reader.error(&given.span, message, "1 to 254");
                usual
            }
        }
    };
    let maximum = of("weighting", &raw.weighting, DEFAULT_WEIGHTING.maximum);
    let lower = of("weighting-lower", &raw.weighting_lower, DEFAULT_WEIGHTING.lower);
    let upper = of("weighting-upper", &raw.weighting_upper, maximum);
    if let Some(given) = raw.weighting_lower.as_ref().filter(|_| lower > maximum) {
        let message = format!("`weighting-lower` of {lower} is above the weighting, {maximum}");
        reader.warn(&given.span, message, "this router forwards only what no other one does");
    } else if let Some(given) = raw.weighting_upper.as_ref().filter(|_| upper < lower || upper > maximum) {
        let message = format!("`weighting-upper` of {upper} is not between {lower} and {maximum}");
        reader.error(&given.span, message, "from `weighting-lower` to `weighting`");
    }
    Weighting { maximum, lower, upper: upper.max(lower) }
}

fn balancing(method: raw::LoadBalancing) -> Balancing {
    match method {
        raw::LoadBalancing::None => Balancing::None,
        raw::LoadBalancing::RoundRobin => Balancing::RoundRobin,
        raw::LoadBalancing::Weighted => Balancing::Weighted,
        raw::LoadBalancing::HostDependent => Balancing::HostDependent,
    }
}

fn client_cache(raw: &raw::Glbp, reader: &mut Reader) -> Option<ClientCache> {
    let timeout = raw.client_cache_timeout.as_ref().map(|given| {
        let minutes = |count: u64| Duration::from_secs(count * 60);
        if !(minutes(1)..=minutes(1440)).contains(&given.value.0) {
            out_of_range("client-cache-timeout", given, "1m to 24h", reader);
        } else if raw.client_cache.is_none() {
            let message = "`client-cache-timeout` has no effect without a cache";
            reader.warn(&given.span, message, "leave it out, or add `client-cache = 1000`");
        }
        given.value.0
    });
    let given = raw.client_cache.as_ref()?;
    match u16::try_from(given.value) {
        Ok(maximum) if (8..=2000).contains(&maximum) => Some(ClientCache { maximum, timeout }),
        _ => {
            let message = format!("`client-cache` of {} is out of range", given.value);
            reader.error(&given.span, message, "8 to 2000 hosts");
            None
        }
    }
}

/// A time beside what it must be.
fn out_of_range(
    key: &str,
    given: &Spanned<super::value::TimeSpan>,
    label: impl Into<String>,
    reader: &mut Reader,
) {
    let message = format!("`{key}` of {} is out of range", spelt(given.value.0));
    reader.error(&given.span, message, label.into());
}
