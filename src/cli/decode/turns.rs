//! Something that several threads work on, one after the other, in an order that was fixed before.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What they take turns with.
pub struct Turns<T> {
    table: Mutex<Table<T>>,
    turned: Condvar,
}

struct Table<T> {
    /// Whose turn it is.
    next: u64,
    /// Nobody's turn comes any more.
    is_over: bool,
    value: T,
}

impl<T> Turns<T> {
    /// The first turn has number 0.
    pub fn new(value: T) -> Turns<T> {
        Turns { table: Mutex::new(Table { next: 0, is_over: false, value }), turned: Condvar::new() }
    }

    /// Waits for the turn of this number, and does it; `None` if it does not come any more.
    pub fn take<R>(&self, number: u64, turn: impl FnOnce(&mut T) -> R) -> Option<R> {
        let is_not_yet = |table: &mut Table<T>| table.next != number && !table.is_over;
        let waited = self.turned.wait_while(self.table(), is_not_yet);
        let mut table = waited.unwrap_or_else(PoisonError::into_inner);
        if table.is_over {
            return None;
        }
        let done = turn(&mut table.value);
        table.next += 1;
        drop(table);
        self.turned.notify_all();
        Some(done)
    }

    /// No turn comes any more: who waits for one need not.
    pub fn end(&self) {
        self.table().is_over = true;
        self.turned.notify_all();
    }

    /// What the turns left.
    pub fn into_inner(self) -> T {
        self.table.into_inner().unwrap_or_else(PoisonError::into_inner).value
    }

    /// Whoever panicked in the midst of a turn has ended them all: what it left is not looked at again.
    fn table(&self) -> MutexGuard<'_, Table<T>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn turns_come_in_the_order_of_their_numbers() {
        let turns = Turns::new(Vec::new());
        thread::scope(|scope| {
            for number in (0..50).rev() {
                let turns = &turns;
                scope.spawn(move || turns.take(number, |done| done.push(number)));
            }
        });
        assert_eq!(turns.into_inner(), (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn who_waits_for_a_turn_that_never_comes_is_told() {
        let turns = Turns::new(0);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| turns.take(1, |value| *value += 1));
            turns.end();
            assert_eq!(waiting.join().unwrap(), None);
        });
        assert_eq!(turns.take(0, |_| ()), None);
        assert_eq!(turns.into_inner(), 0);
    }
}
