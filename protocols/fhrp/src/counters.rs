//! What a group counts, each under a name that stays.

use std::marker::PhantomData;

use crate::view::Counter;

/// A closed list of what is counted; [`counted!`](crate::counted) writes one.
pub trait Counted: Copy + 'static {
    /// All of it, in the order it is shown.
    const ALL: &'static [Self];

    /// Where it stands in that order.
    fn place(self) -> usize;

    /// The name operators see: `checksum-errors`.
    fn name(self) -> &'static str;
}

/// Declares what a protocol counts: an enumeration, in the order it is shown, with the name of each.
///
/// ```
/// fhrp::counted! {
///     /// What is counted here.
///     pub enum Count {
///         HellosSent => "hellos-sent",
///         HellosReceived => "hellos-received",
///     }
/// }
/// let mut counters = fhrp::counters::Counters::default();
/// counters.bump(Count::HellosReceived);
/// assert_eq!(counters.view()[1].count, 1);
/// ```
#[macro_export]
macro_rules! counted {
    ($(#[$about:meta])* $visibility:vis enum $Count:ident { $($Variant:ident => $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $Count {
            $(#[doc = concat!("`", $name, "`.")] $Variant,)+
        }

        impl $crate::counters::Counted for $Count {
            const ALL: &'static [Self] = &[$($Count::$Variant,)+];

            fn place(self) -> usize {
                self as usize
            }

            fn name(self) -> &'static str {
                match self {
                    $($Count::$Variant => $name,)+
                }
            }
        }
    };
}

/// The counters of one group.
#[derive(Debug, Clone)]
pub struct Counters<C> {
    known: Vec<u64>,
    /// Names that only other rooms know: ways to fail a message check or an authentication.
    others: Vec<(&'static str, u64)>,
    of: PhantomData<C>,
}

impl<C: Counted> Default for Counters<C> {
    fn default() -> Self {
        Counters { known: vec![0; C::ALL.len()], others: Vec::new(), of: PhantomData }
    }
}

impl<C: Counted> Counters<C> {
    /// One more.
    pub fn bump(&mut self, count: C) {
        self.add(count, 1);
    }

    /// So many more.
    pub fn add(&mut self, count: C, by: usize) {
        let by = u64::try_from(by).unwrap_or(u64::MAX);
        if let Some(counter) = self.known.get_mut(count.place()) {
            *counter = counter.saturating_add(by);
        }
    }

    /// One more under a name that another room gave.
    pub fn bump_name(&mut self, name: &'static str) {
        if let Some(count) = C::ALL.iter().find(|count| count.name() == name) {
            self.bump(*count);
        } else if let Some((_, count)) = self.others.iter_mut().find(|(other, _)| *other == name) {
            *count = count.saturating_add(1);
        } else {
            self.others.push((name, 1));
        }
    }

    /// All of them: the known ones even at zero, so that a dashboard finds them.
    pub fn view(&self) -> Vec<Counter> {
        let known = C::ALL.iter().zip(&self.known).map(|(count, value)| (count.name(), *value));
        known.chain(self.others.iter().copied()).map(|(name, count)| Counter { name, count }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::counted! {
        enum Count {
            Sent => "sent",
            ChecksumErrors => "checksum-errors",
        }
    }

    #[test]
    fn foreign_names_are_counted_beside_the_known() {
        let mut counters = Counters::default();
        counters.bump(Count::ChecksumErrors);
        for name in ["checksum-errors", "hmac-stale", "hmac-stale"] {
            counters.bump_name(name);
        }
        let seen: Vec<(&str, u64)> =
            counters.view().into_iter().map(|counter| (counter.name, counter.count)).collect();
        assert_eq!(seen, [("sent", 0), ("checksum-errors", 2), ("hmac-stale", 2)]);
    }

    #[test]
    fn counters_do_not_wrap() {
        let mut counters = Counters::default();
        counters.add(Count::Sent, usize::MAX);
        counters.add(Count::Sent, usize::MAX);
        assert_eq!(counters.view()[0].count, u64::MAX);
    }
}
