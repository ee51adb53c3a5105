//! Words that people bring from other routers, and what they are called here.

/// Foreign word, our key, and what to write. The advice holds only where our key is known.
const WORDS: [(&str, &str, &str); 32] = [
    ("vrid", "id", "write `id`"),
    ("virtual_router_id", "id", "write `id`"),
    ("vhid", "id", "write `id`"),
    ("pass", "password", "write `password`"),
    ("carppeer", "peers", "write `peers`, a list"),
    ("group", "id", "write `id`"),
    ("advert_int", "advertise-interval", "write `advertise-interval`, with a unit: \"1s\""),
    ("interval", "advertise-interval", "write `advertise-interval`, with a unit: \"1s\""),
    ("advertisement-interval", "advertise-interval", "write `advertise-interval`"),
    ("advertise_interval", "advertise-interval", "write `advertise-interval`"),
    ("hello", "hello-time", "write `hello-time`, with a unit: \"3s\""),
    ("hold", "hold-time", "write `hold-time`, with a unit: \"10s\""),
    ("use-bia", "virtual-mac", "write `virtual-mac = false`"),
    ("virtual_ipaddress", "addresses", "write `addresses`"),
    ("ip", "addresses", "write `addresses`, a list"),
    ("vip", "addresses", "write `addresses`, a list"),
    ("vips", "addresses", "write `addresses`"),
    ("address", "addresses", "write `addresses`, a list"),
    ("virtual_ipaddress_excluded", "excluded-addresses", "write `excluded-addresses`"),
    ("nopreempt", "preempt", "write `preempt = false`"),
    ("no-preempt", "preempt", "write `preempt = false`"),
    ("no_accept", "accept", "write `accept = false`"),
    ("accept-mode", "accept", "write `accept`"),
    ("use_vmac", "virtual-mac", "write `virtual-mac`; it is on unless you say `false`"),
    ("vmac", "virtual-mac", "write `virtual-mac`"),
    ("unicast_peer", "peers", "write `peers`"),
    ("unicast_src_ip", "source", "write `source`"),
    ("mcast_src_ip", "source", "write `source`"),
    ("state", "priority", "there is no such wish here: the highest `priority` becomes Active"),
    ("auth_pass", "authentication", "write `authentication = { kind = \"text\", password = \"…\" }`"),
    ("auth_type", "authentication", "write `authentication = { kind = \"text\", password = \"…\" }`"),
    ("interface", "addresses", "the interface stands in the heading: `[[interface.eth0.vrrp]]`"),
];

/// What to write instead of a word from elsewhere.
pub(super) fn translation(key: &str, known: &[String]) -> Option<String> {
    WORDS
        .iter()
        .find(|(word, ours, _)| *word == key && known.iter().any(|known| known == ours))
        .map(|(_, _, advice)| (*advice).to_owned())
}
