//! What a frame says, for whoever reads a capture: read by [`wire`], judged by [`judge`], proven by [`auth`].
//!
//! A frame that is no advertisement still shows whatever can be read of it.
//!
//! [`judge`]: crate::judge

use std::net::IpAddr;
use std::time::Duration;

use fhrp::dissect::{Authentication, Dissection, Field, Known, Problem, Value};
use fhrp::fields::Fields;
use fhrp::{Mac, Received, Secret};

use crate::auth::{AddressList, Covered, Guard, LinkLocal};
use crate::judge::{Refusal, judge};
use crate::wire::{
    self, ADVERTISEMENT, AUTH_WORDS, Advertisement, Heard, MULTICAST_V4, MULTICAST_V6, VERSION,
};

/// How every advertisement begins.
const BEGINNING: u8 = VERSION << 4 | ADVERTISEMENT;

/// Takes a frame apart whose CARP message is `message`.
pub(crate) fn dissect(received: &Received<'_>, message: &[u8], known: &Known<'_>) -> Dissection {
    let mut shown = Dissection::new("carp");
    shown.version = message.first().map(|octet| octet >> 4);
    shown.group = message.get(1).map(|vhid| u16::from(*vhid));
    judge_addresses(received, &mut shown.problems);
    let whole = message.first_chunk().map(wire::read);
    if let Some(Heard { advertisement, .. }) = whole.filter(|_| message.first() == Some(&BEGINNING)) {
        describe(&advertisement, &mut shown);
    }
    match wire::parse(message) {
        Ok(heard) => {
            judge_envelope(received, &heard.advertisement, &mut shown.problems);
            judge_proof(&heard, known, &mut shown);
        }
        Err(error) => shown.problems.push(Problem::refusal(error.counter(), error.to_string(), error.rule())),
    }
    if known.fields {
        shown.fields = fields(message);
    }
    shown
}

fn describe(advertisement: &Advertisement, shown: &mut Dissection) {
    let Advertisement { advbase, advskew, demote, counter, .. } = *advertisement;
    shown.kind = "advertisement";
    // A goodbye promises no other advertisement.
    shown.interval = (!advertisement.says_goodbye()).then(|| advertisement.interval());
    shown.details.push(("advbase", Value::Number(advbase.into())));
    shown.details.push(("advskew", Value::Number(advskew.into())));
    shown.details.push(("demote", Value::Number(demote.into())));
    shown.details.push(("counter", Value::digits(counter.to_be_bytes())));
    if advertisement.says_goodbye() {
        shown.details.push(("goodbye", Value::Truth(true)));
    }
}

/// Where it came from and went to. Nobody looks at the source MAC: there are four habits.
fn judge_addresses(received: &Received<'_>, problems: &mut Vec<Problem>) {
    let Received { destination, destination_mac, .. } = *received;
    let group = if destination.is_ipv4() { MULTICAST_V4 } else { MULTICAST_V6 };
    if destination.is_multicast() && destination != group {
        let text = format!("destination {destination}, must be {group} unless another is configured");
        problems.push(Problem::remark("destination-errors", text, "OpenBSD carp(4), carppeer"));
    }
    // ucarp's --nomcast broadcasts what it addresses to the group.
    if let Some(wanted) = Mac::of_multicast(destination)
        && ![wanted, Mac::BROADCAST, Mac::default()].contains(&destination_mac)
    {
        let text = format!("destination MAC {destination_mac}, must be {wanted}");
        let rule = if destination.is_ipv4() { "RFC 1112 §6.4" } else { "RFC 2464 §7" };
        problems.push(Problem::remark("destination-mac-errors", text, rule));
    }
}

fn judge_envelope(received: &Received<'_>, advertisement: &Advertisement, problems: &mut Vec<Problem>) {
    let problem = |refusal: Refusal, refused| Problem {
        name: refusal.counter(),
        text: refusal.to_string(),
        rule: refusal.rule(),
        refused,
    };
    if let Err(refusal) = judge(received, advertisement, true) {
        // A unicast peer may be routers away, if its neighbours were told so.
        let forgiven = !received.destination.is_multicast() && judge(received, advertisement, false).is_ok();
        problems.push(problem(refusal, !forgiven));
    }
}

fn judge_proof(heard: &Heard, known: &Known<'_>, shown: &mut Dissection) {
    let verified = (!known.keys.is_empty() && !known.addresses.is_empty()).then(|| is_proven(heard, known));
    shown.authentication = Some(Authentication { kind: "hmac-sha1", verified });
    if verified == Some(false) {
        let text = "the digest fits none of the keys with these virtual addresses";
        shown.problems.push(Problem::refusal(Refusal::Digest.counter(), text, Refusal::Digest.rule()));
    }
}

/// Whether one of the keys fits with all of the addresses, those of one family, or one of them: a capture may hold
/// several virtual hosts, and what is known of addresses is not known by virtual host.
fn is_proven(heard: &Heard, known: &Known<'_>) -> bool {
    let addresses = known.addresses;
    let family = |v4| addresses.iter().copied().filter(|ip| ip.is_ipv4() == v4).collect::<Vec<IpAddr>>();
    let mut lists = vec![addresses.to_vec(), family(true), family(false)];
    lists.extend(addresses.iter().map(|ip| vec![*ip]));
    lists.dedup();
    lists.iter().filter(|list| !list.is_empty()).any(|list| {
        let addresses: AddressList = list.iter().copied().collect();
        let covered = Covered { vhid: heard.advertisement.vhid, addresses, link_layer_address: None };
        let fits =
            |key: &&[u8]| Guard::new(&Secret::new(*key), &covered, LinkLocal::LeftOut).admit(heard).is_ok();
        known.keys.iter().any(fits)
    })
}

/// As many fields as there are octets for.
fn fields(message: &[u8]) -> Vec<Field> {
    let mut fields = Fields::new(message);
    read_fields(&mut fields);
    fields.digits("Trailing octets", usize::MAX);
    fields.finish()
}

fn read_fields(fields: &mut Fields<'_>) -> Option<()> {
    let (_, [first]) = fields.take()?;
    let version = Field::new(0, 1, "Version", first >> 4);
    fields.add(if first >> 4 == VERSION { version } else { version.meaning("must be 2") });
    let kind = Field::new(0, 1, "Type", first & 0x0f);
    fields.add(kind.meaning(if first & 0x0f == ADVERTISEMENT { "advertisement" } else { "must be 1" }));
    fields.octet("VHID", |_| None)?;
    fields.octet("Advskew", |skew| Some(milliseconds(skew)))?;
    fields.octet("Authlen", |words| {
        let meaning = if words == AUTH_WORDS { "32-bit words of counter and digest" } else { "must be 7" };
        Some(meaning.into())
    })?;
    fields.octet("Demote", |demote| (demote > 0).then(|| "something is wrong with the sender".into()))?;
    fields.octet("Advbase", |base| Some(format!("{base} s")))?;
    fields.digits("Checksum", 2);
    fields.digits("Counter", 8);
    fields.digits("HMAC-SHA1", wire::DIGEST);
    Some(())
}

fn milliseconds(skew: u8) -> String {
    format!("{:.3} ms", (Duration::from_secs(skew.into()) / 256).as_secs_f64() * 1000.0)
}
