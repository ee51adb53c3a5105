//! The event loop's side: it never waits, and never loses the latest word about a group.

use std::collections::BTreeMap;

use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};

use super::Order;
use crate::engine::GroupIndex;

/// Orders on their way to the slow thread.
const QUEUE: usize = 1024;

/// Where orders are given.
#[derive(Debug)]
pub struct Orders {
    queue: Sender<Order>,
    /// What the queue had no room for, the latest of each group.
    waiting: BTreeMap<GroupIndex, Order>,
}

/// A queue, and its other end.
pub fn queue() -> (Orders, Receiver<Order>) {
    let (queue, orders) = channel(QUEUE);
    (Orders { queue, waiting: BTreeMap::new() }, orders)
}

impl Orders {
    /// Gives an order, in place of the one that may still wait for the same group.
    pub fn give(&mut self, group: GroupIndex, order: Order) {
        self.waiting.insert(group, order);
        self.flush();
    }

    /// Whether something waits, and [`Orders::flush`] is worth calling in a while.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Sends what waits, as much as there is room for.
    pub fn flush(&mut self) {
        while let Some((group, order)) = self.waiting.pop_first() {
            match self.queue.try_send(order) {
                Ok(()) => {}
                Err(TrySendError::Full(order)) => {
                    self.waiting.insert(group, order);
                    return;
                }
                // Nobody is left to run anything.
                Err(TrySendError::Closed(_)) => self.waiting.clear(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::order;
    use super::*;
    use fhrp::Standing;

    #[test]
    fn a_full_queue_keeps_the_latest_of_each_group() {
        let (mut orders, mut taken) = queue();
        for number in 0..QUEUE as u32 {
            orders.give(GroupIndex(number), order(Standing::Holding));
        }
        assert!(!orders.is_waiting());
        for standing in [Standing::Holding, Standing::StandingBy, Standing::Down] {
            orders.give(GroupIndex(7), order(standing));
            orders.give(GroupIndex(8), order(standing));
        }
        assert_eq!(orders.waiting.len(), 2);
        for _ in 0..QUEUE {
            assert_eq!(taken.try_recv().map(|order| order.standing), Ok(Standing::Holding));
        }
        orders.flush();
        assert!(!orders.is_waiting());
        for _ in 0..2 {
            assert_eq!(taken.try_recv().map(|order| order.standing), Ok(Standing::Down));
        }
        assert!(taken.try_recv().is_err());
    }
}
