//! What the hellos of a router show of its timers, where routers say which state they are in: HSRP and GLBP.

use std::net::IpAddr;

/// A hello comes no earlier than after so many hundredths of the hello time, if it comes in its turn.
const EARLIEST_TURN: u64 = 78;
/// One that comes later than this many hundredths was missed.
const LATEST_TURN: u64 = 105;
/// Whoever jitters at all is once in a while earlier than this many hundredths.
const STEADY: u64 = 97;
/// Frames closer together than this part of the hello time may be a capture whose clock did not run.
pub(super) const SQUEEZED: u64 = 20;
/// How often a router repeats itself within such a stretch before it is taken for one.
const REPEATED: usize = 4;

/// A message in which a state may be said.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beat<S> {
    pub(super) at: u64,
    pub(super) source: IpAddr,
    /// The state, if this is a hello.
    pub(super) state: Option<S>,
    /// After how long the next hello is promised, in nanoseconds.
    pub(super) hello: u64,
}

/// A router that says which state it is in, as far as its messages show it. Times are in nanoseconds.
pub(super) trait Stateful {
    /// What its timers may be off.
    fn spread(&self) -> u64;

    /// Its hold time.
    fn hold(&self) -> u64;

    /// Stretches in which a router says the same again and again though it promises a hello time between: the capture's
    /// times are not those of the wire. From the first to the last frame.
    fn squeezed(&self) -> Vec<(u64, u64)>;

    /// Why it says hellos out of turn at these moments, if anything says so.
    fn out_of_turn(&self, moments: &[u64]) -> Option<&'static str>;
}

/// The pauses between hellos of one state that came in their turn, in hundredths of the hello time.
pub(super) fn pauses<S: PartialEq>(own: impl Iterator<Item = Beat<S>>) -> Vec<u64> {
    let mut last: Option<Beat<S>> = None;
    let mut pauses = Vec::new();
    for next in own {
        if let Some(one) = &last
            && one.state.is_some()
            && one.state == next.state
        {
            let hundredths = (next.at - one.at).saturating_mul(100) / one.hello.max(1);
            pauses.extend(Some(hundredths).filter(|it| (EARLIEST_TURN..=LATEST_TURN).contains(it)));
        }
        last = Some(next);
    }
    pauses
}

/// Whether hellos with such pauses come at different times, as those of newer routers do.
pub(super) fn jitters(pauses: &[u64]) -> bool {
    let early = pauses.iter().filter(|pause| **pause < STEADY).count();
    pauses.is_empty() || early * 5 > pauses.len()
}

/// How far apart such pauses are: what its timers may be off.
pub(super) fn spread(pauses: &[u64], hello: u64) -> u64 {
    let (least, most) =
        pauses.iter().fold((100, 100), |(least, most), pause| (*pause.min(&least), *pause.max(&most)));
    hello / 100 * (most - least + 1)
}

/// Stretches of a capture whose clock did not run.
pub(super) fn squeezed<S: PartialEq>(mut all: Vec<Beat<S>>) -> Vec<(u64, u64)> {
    all.sort_by_key(|beat| beat.at);
    let close = |one: &Beat<S>, next: &Beat<S>| next.at - one.at < one.hello / SQUEEZED;
    let stretches = all.chunk_by(close).filter(|stretch| {
        stretch.iter().any(|one| {
            let again = stretch.iter().filter(|it| it.source == one.source && it.state == one.state);
            one.state.is_some() && again.count() >= REPEATED
        })
    });
    stretches.filter_map(|stretch| Some((stretch.first()?.at, stretch.last()?.at))).collect()
}

/// An address beside another one, which is none of those to avoid.
pub(super) fn neighbour_of(address: IpAddr, avoid: &[IpAddr]) -> IpAddr {
    let flipped = |bits: u8| match address {
        IpAddr::V4(ip) => IpAddr::from((u32::from(ip) ^ u32::from(bits)).to_be_bytes()),
        IpAddr::V6(ip) => IpAddr::from((u128::from(ip) ^ u128::from(bits)).to_be_bytes()),
    };
    (1..=u8::MAX).map(flipped).find(|other| !avoid.contains(other)).unwrap_or(address)
}
