//! Which forwarder a host is told. Pure: the active gateway says who is there, this says whose turn it is.

use fhrp::Mac;

use crate::config::Balancing;
use crate::vmac::LAST_FORWARDER;

/// A forwarder that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Its number.
    pub(crate) number: u8,
    /// The weighting of the router that forwards for it.
    pub(crate) weighting: u8,
    /// Whether hosts may be told.
    pub(crate) eligible: bool,
}

/// Whose turn it is. It survives whatever becomes of the forwarders.
#[derive(Debug, Clone, Default)]
pub(crate) struct Balancer {
    /// The number told last in turn.
    last: u8,
    /// What each forwarder has to its credit, by number.
    credit: [i32; LAST_FORWARDER as usize + 1],
}

impl Balancer {
    /// The forwarder for a host, of `all` that exist by number. `own` is the active gateway's. `None`: hosts may be told
    /// of none.
    pub(crate) fn choose(
        &mut self,
        method: Balancing,
        all: &[Candidate],
        own: Option<u8>,
        host: Mac,
    ) -> Option<u8> {
        match method {
            Balancing::None => {
                let own = all.iter().find(|it| it.eligible && Some(it.number) == own);
                own.or_else(|| all.iter().find(|it| it.eligible)).map(|it| it.number)
            }
            Balancing::RoundRobin => self.in_turn(all),
            Balancing::Weighted => self.by_weight(all),
            Balancing::HostDependent => by_host(all, host),
        }
    }

    fn in_turn(&mut self, all: &[Candidate]) -> Option<u8> {
        let eligible = || all.iter().filter(|it| it.eligible);
        let next = eligible().find(|it| it.number > self.last).or_else(|| eligible().next())?;
        self.last = next.number;
        Some(next.number)
    }

    /// Smooth weighted round-robin: everybody earns its weighting, the richest is chosen and pays for all.
    fn by_weight(&mut self, all: &[Candidate]) -> Option<u8> {
        let eligible: Vec<Candidate> = all.iter().copied().filter(|it| it.eligible).collect();
        let nothing = eligible.iter().all(|it| it.weighting == 0);
        let mut total = 0;
        let mut best: Option<(i32, u8)> = None;
        for it in &eligible {
            let earns = if nothing { 1 } else { i32::from(it.weighting) };
            total += earns;
            let Some(credit) = self.credit.get_mut(usize::from(it.number)) else { continue };
            *credit = credit.saturating_add(earns);
            if best.is_none_or(|(most, _)| *credit > most) {
                best = Some((*credit, it.number));
            }
        }
        let (_, chosen) = best?;
        if let Some(credit) = self.credit.get_mut(usize::from(chosen)) {
            *credit = credit.saturating_sub(total);
        }
        Some(chosen)
    }
}

/// The host's MAC decides among all that exist, so that nothing moves while a forwarder is taken over; one that hosts
/// may not be told is replaced by the next.
fn by_host(all: &[Candidate], host: Mac) -> Option<u8> {
    let count = u32::try_from(all.len()).ok().filter(|count| *count > 0)?;
    let start = usize::try_from(crc32(&host.0) % count).ok()?;
    let from_there = all.iter().cycle().skip(start).take(all.len());
    from_there.into_iter().find(|it| it.eligible).map(|it| it.number)
}

/// CRC-32 as IEEE 802.3 has it.
fn crc32(octets: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    let sum =
        octets.iter().fold(u32::MAX, |sum, octet| (0..8).fold(sum ^ u32::from(*octet), |sum, _| step(sum)));
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(weightings: &[u8]) -> Vec<Candidate> {
        let candidate =
            |(number, weighting): (u8, &u8)| Candidate { number, weighting: *weighting, eligible: true };
        (1..).zip(weightings).map(candidate).collect()
    }

    fn host(last: u8) -> Mac {
        Mac([2, 0, 0, 0, 9, last])
    }

    fn told(balancer: &mut Balancer, method: Balancing, all: &[Candidate], count: usize) -> Vec<u8> {
        (0..count).filter_map(|_| balancer.choose(method, all, Some(1), host(1))).collect()
    }

    #[test]
    fn each_in_turn_whatever_becomes_of_the_others() {
        let mut balancer = Balancer::default();
        let mut four = all(&[100; 4]);
        assert_eq!(told(&mut balancer, Balancing::RoundRobin, &four, 6), [1, 2, 3, 4, 1, 2]);
        four[2].eligible = false;
        assert_eq!(told(&mut balancer, Balancing::RoundRobin, &four, 3), [4, 1, 2]);
        assert_eq!(balancer.choose(Balancing::RoundRobin, &[], None, host(1)), None);
    }

    #[test]
    fn sixty_thirty_ten() {
        let mut balancer = Balancer::default();
        let told = told(&mut balancer, Balancing::Weighted, &all(&[60, 30, 10]), 100);
        let count = |number| told.iter().filter(|it| **it == number).count();
        assert_eq!((count(1), count(2), count(3)), (60, 30, 10));
        // Not sixty of one and then thirty of another.
        assert!(told.chunks(10).all(|ten| ten.iter().filter(|it| **it == 1).count() == 6));
    }

    #[test]
    fn without_any_weight_all_are_equal() {
        let mut balancer = Balancer::default();
        assert_eq!(told(&mut balancer, Balancing::Weighted, &all(&[0, 0]), 4), [1, 2, 1, 2]);
        assert_eq!(told(&mut Balancer::default(), Balancing::Weighted, &all(&[0, 5]), 3), [2, 2, 2]);
    }

    #[test]
    fn a_host_keeps_its_forwarder() {
        let mut balancer = Balancer::default();
        let mut four = all(&[100; 4]);
        let mut choose =
            |all: &[Candidate], last| balancer.choose(Balancing::HostDependent, all, Some(1), host(last));
        let before: Vec<_> = (0..=255).map(|last| choose(&four, last)).collect();
        for number in 1..=4 {
            let share = before.iter().filter(|it| **it == Some(number)).count();
            assert!((40..=90).contains(&share), "{share} of 256 hosts for forwarder {number}");
        }
        let again: Vec<_> = (0..=255).map(|last| choose(&four, last)).collect();
        assert_eq!(before, again);
        four[1].eligible = false;
        for (last, before) in (0..=255).zip(before) {
            let now = choose(&four, last);
            assert_eq!(now, if before == Some(2) { Some(3) } else { before });
        }
    }

    #[test]
    fn without_balancing_it_is_the_gateways_own() {
        let mut balancer = Balancer::default();
        let mut two = all(&[100; 2]);
        assert_eq!(balancer.choose(Balancing::None, &two, Some(2), host(1)), Some(2));
        two[1].eligible = false;
        assert_eq!(balancer.choose(Balancing::None, &two, Some(2), host(1)), Some(1));
    }

    #[test]
    fn the_sum_is_the_usual_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
