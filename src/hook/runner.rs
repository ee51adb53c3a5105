//! Which program runs when: one task a group, which knows what it has done last.

use std::collections::HashMap;
use std::time::Duration;

use fhrp::Family;
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::program::{Outcome, Program};
use super::{Deed, Order};
use crate::event::Subject;

/// How long the daemon's end waits for the last programs. Beyond that they run on without it.
const FAREWELL: Duration = Duration::from_secs(3);

/// What became of a program.
#[derive(Debug)]
pub struct Report {
    /// Whose it was.
    pub subject: Subject,
    /// What it was to do.
    pub deed: Deed,
    /// Its path.
    pub path: String,
    /// How long it took.
    pub took: Duration,
    /// How it ended.
    pub outcome: Outcome,
}

/// Which group, whatever it is called and whoever runs it.
type Whose = (String, &'static str, Option<Family>, u16);

/// Obeys orders until nobody can give one any more, and a little longer for what is still to be done.
pub async fn run(mut orders: Receiver<Order>, report: impl Fn(Report) + Clone + Send + Sync + 'static) {
    let mut groups: HashMap<Whose, watch::Sender<Order>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let (closing, closed) = watch::channel(false);
    while let Some(order) = orders.recv().await {
        let Subject { interface, protocol, family, id, .. } = &order.subject;
        let whose = (interface.clone(), *protocol, *family, *id);
        match groups.get(&whose) {
            Some(latest) => {
                latest.send_replace(order);
            }
            None => {
                let (latest, wanted) = watch::channel(order);
                groups.insert(whose, latest);
                let keeper = Keeper { wanted, closed: closed.clone(), last: None };
                tasks.spawn(keeper.keep(report.clone()));
            }
        }
    }
    closing.send_replace(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    if timeout(FAREWELL, all).await.is_err() {
        tracing::warn!("hooks are still running after {FAREWELL:?}; they are left to themselves");
        tasks.detach_all();
    }
}

/// Keeps one group's programs in step with it.
struct Keeper {
    wanted: watch::Receiver<Order>,
    closed: watch::Receiver<bool>,
    last: Option<Deed>,
}

impl Keeper {
    async fn keep(mut self, report: impl Fn(Report) + Send + Sync) {
        loop {
            let order = self.wanted.borrow_and_update().clone();
            if order.is_due(self.last) {
                self.obey(order, &report).await;
            }
            // A program may have taken its time: whatever came meanwhile is looked at first.
            tokio::select! {
                biased;
                changed = self.wanted.changed() => if changed.is_err() { return },
                _ = self.closed.wait_for(|closed| *closed) => return,
            }
        }
    }

    async fn obey(&mut self, order: Order, report: &(impl Fn(Report) + Sync)) {
        let deed = order.deed();
        self.last = Some(deed);
        let Some(program) = Program::of(&order) else { return };
        let began = tokio::time::Instant::now();
        let outcome = program.run(self.overtaken()).await;
        let (path, took) = (program.path(), began.elapsed());
        report(Report { subject: order.subject, deed, path, took, outcome });
    }

    /// The daemon is ending, and something else is to be done since.
    async fn overtaken(&self) {
        let (mut wanted, mut closed) = (self.wanted.clone(), self.closed.clone());
        if closed.wait_for(|closed| *closed).await.is_err() || wanted.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
