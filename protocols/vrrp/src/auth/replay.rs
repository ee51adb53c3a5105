//! What has to be remembered against replays: the latest number of each sender.

use std::net::IpAddr;

/// Senders remembered: more than any segment or full mesh has. Only who has the key gets in here.
const SENDERS: usize = 256;

/// The latest number of each of the senders heard most recently, the latest heard last.
#[derive(Debug, Default)]
pub(super) struct Memory<N>(Vec<(IpAddr, N)>);

impl<N: Copy> Memory<N> {
    /// The latest number of a sender.
    pub(super) fn latest(&self, sender: IpAddr) -> Option<N> {
        self.0.iter().find(|(ip, _)| *ip == sender).map(|(_, number)| *number)
    }

    /// A sender's number is this one now. Who was not heard for the longest time makes room.
    pub(super) fn remember(&mut self, sender: IpAddr, number: N) {
        if let Some(known) = self.0.iter().position(|(ip, _)| *ip == sender) {
            self.0.remove(known);
        } else if self.0.len() >= SENDERS {
            self.0.remove(0);
        }
        self.0.push((sender, number));
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_one_unheard_for_longest_makes_room() {
        let sender = |number: usize| IpAddr::V4(Ipv4Addr::from_bits(number as u32));
        let mut memory = Memory::default();
        for number in 0..SENDERS {
            memory.remember(sender(number), number);
        }
        memory.remember(sender(0), 7);
        memory.remember(sender(SENDERS), SENDERS);
        assert_eq!(memory.latest(sender(0)), Some(7));
        assert_eq!(memory.latest(sender(1)), None);
        assert_eq!(memory.latest(sender(SENDERS)), Some(SENDERS));
    }
}
