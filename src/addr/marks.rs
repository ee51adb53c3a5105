//! The names and numbers by which everything that firsthop puts into a kernel is known as its own.

/// Name of the nf_tables tables (families `netdev`, `arp` and `ip6`); a second daemon in the same namespace
/// appends a number.
pub const TABLE: &str = "firsthop";

/// Name of the TUN device that carries accepted virtual addresses; the kernel fills in the number.
pub const DEVICE: &str = "firsthop%d";

/// What names of such devices begin with.
pub const DEVICE_PREFIX: &str = "firsthop";

/// The address protocol (`IFA_PROTO`, Linux 5.18) of every address we add: VRRP's and CARP's IP protocol
/// number, which no other address manager uses.
pub const ADDRESS_PROTOCOL: u8 = 112;

/// What an IPv4 address' label ends with, where the kernel knows no address protocol.
pub const LABEL_SUFFIX: &str = ":fh";

/// Longest label the kernel takes: `IFNAMSIZ` less the final zero.
const LONGEST_LABEL: usize = 15;

/// The label for an address on `interface`; `None` if it would be too long.
pub fn label(interface: &str) -> Option<String> {
    let label = format!("{interface}{LABEL_SUFFIX}");
    (label.len() <= LONGEST_LABEL).then_some(label)
}

/// Whether a table of this name is one of ours.
pub fn is_table(name: &str) -> bool {
    name.strip_prefix(TABLE).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a device of this name is one of ours, if it is also a TUN device.
pub fn is_device(name: &str) -> bool {
    name.strip_prefix(DEVICE_PREFIX)
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_names_are_ours() {
        assert!(is_table("firsthop") && is_table("firsthop2"));
        assert!(!is_table("firsthop-mine") && !is_table("filter"));
        assert!(is_device("firsthop0") && !is_device("firsthop") && !is_device("firsthop-lan"));
    }

    #[test]
    fn labels_fit_or_are_left_out() {
        assert_eq!(label("eth0").as_deref(), Some("eth0:fh"));
        assert_eq!(label("enp130s0f1np1"), None);
    }
}
