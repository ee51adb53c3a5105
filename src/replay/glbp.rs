//! GLBP: what a replay must know of a group's settings.

use std::time::Duration;

use ::glbp::Config;
use ::glbp::config::DEFAULT_TIMES;
use fhrp::InterfaceAddress;

/// Prefix length of a network that nobody told us.
const USUAL_IPV4: u8 = 24;

/// Real addresses that a group needs: one it is told to speak from. Nobody owns a virtual one.
pub(super) fn real_addresses(config: &Config) -> Vec<InterfaceAddress> {
    let prefix = config.addresses.first().map_or(USUAL_IPV4, |address| address.prefix);
    config.source.map(|ip| InterfaceAddress { ip, prefix }).into_iter().collect()
}

/// How long a router with these settings waits after its start before it takes a role that nobody holds: a hold time in
/// Listen, and one in Speak.
pub(super) fn wait_after_start(config: &Config) -> Duration {
    config.times.unwrap_or(DEFAULT_TIMES).hold * 2
}
