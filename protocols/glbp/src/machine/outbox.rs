//! What becomes of what is said while the kernel has yet to answer.
//!
//! A claim that waits for its hold keeps back everything behind it, and of that the newest alone is said: the rest is out
//! of date. That is not so where the newest is about one forwarder: what it replaced was about another one, or was a hello,
//! which says all that we are. Then there is to be another hello.

/// What waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Outbox {
    /// Nothing: the kernel has answered.
    #[default]
    Empty,
    /// The kernel has yet to answer, and whatever is said goes out at once.
    Open,
    /// A claim waits for its answer, and so does whatever is said from now on.
    Closed,
    /// A hello is the newest of that.
    Hello,
    /// Something else is.
    Less,
    /// Something was left out for that.
    Lost,
}

impl Outbox {
    /// The kernel is asked for something.
    pub(super) fn asks(&mut self) {
        if *self == Outbox::Empty {
            *self = Outbox::Open;
        }
    }

    /// The kernel is asked for nothing any more: what waited is left out, for it speaks of what is gone. Returns whether a
    /// hello is missing.
    pub(super) fn asks_for_nothing(&mut self) -> bool {
        matches!(std::mem::replace(self, Outbox::Open), Outbox::Hello | Outbox::Lost)
    }

    /// A claim is said as soon as the kernel has answered.
    pub(super) fn claims(&mut self) {
        if *self == Outbox::Open {
            *self = Outbox::Closed;
        }
    }

    /// A hello is said.
    pub(super) fn says_hello(&mut self) {
        match self {
            Outbox::Closed | Outbox::Less | Outbox::Lost => *self = Outbox::Hello,
            Outbox::Empty | Outbox::Open | Outbox::Hello => {}
        }
    }

    /// Something else is said.
    pub(super) fn says_less(&mut self) {
        match self {
            Outbox::Closed => *self = Outbox::Less,
            Outbox::Hello | Outbox::Less => *self = Outbox::Lost,
            Outbox::Empty | Outbox::Open | Outbox::Lost => {}
        }
    }

    /// The kernel has answered. Returns whether a hello is missing.
    pub(super) fn is_answered(&mut self) -> bool {
        std::mem::take(self) == Outbox::Lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_that_gave_way_to_less_is_missing() {
        let mut outbox = Outbox::default();
        outbox.says_hello();
        outbox.says_less();
        assert!(!outbox.is_answered(), "nothing waited");

        outbox.asks();
        outbox.says_hello();
        outbox.says_less();
        assert!(!outbox.is_answered(), "nothing kept them back");

        outbox.asks();
        outbox.claims();
        outbox.says_hello();
        outbox.asks();
        outbox.says_less();
        assert!(outbox.is_answered());
        assert_eq!(outbox, Outbox::Empty);

        outbox.asks();
        outbox.claims();
        outbox.says_hello();
        outbox.says_less();
        outbox.says_hello();
        assert!(!outbox.is_answered(), "it was said again");
    }

    /// Found by the simulation: two forwarders were taken over while a claim waited, and the first was said by nobody.
    #[test]
    fn what_gave_way_to_something_about_another_forwarder_is_missing() {
        let mut outbox = Outbox::default();
        outbox.asks();
        outbox.claims();
        outbox.says_less();
        assert!(!{ outbox }.is_answered(), "nothing was left out");
        outbox.says_less();
        assert!(outbox.is_answered());
    }

    #[test]
    fn a_hello_that_waited_for_what_is_let_go_is_missing() {
        let mut outbox = Outbox::default();
        outbox.asks();
        outbox.says_hello();
        assert!(!outbox.asks_for_nothing(), "it did not wait");
        outbox.claims();
        outbox.says_hello();
        assert!(outbox.asks_for_nothing());
        outbox.says_less();
        assert!(!outbox.is_answered(), "nothing waits any more");
    }
}
