//! Which hosts the active gateway told which forwarder: the client cache of Cisco's `show glbp detail`.
//!
//! A record for whoever looks, and nothing more: no host is told anything else because of it. It is as long as the
//! operator allows, and the host that has asked least recently makes room.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use fhrp::{Instant, Mac, view};

use crate::config::ClientCache;

/// How many addresses of one host are remembered; it may ask from each of them.
const ADDRESSES: usize = 8;

/// The hosts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Clients {
    by_mac: BTreeMap<Mac, Client>,
    /// The same, by when they asked last.
    by_age: BTreeSet<(Instant, Mac)>,
}

/// A host.
#[derive(Debug, Clone)]
struct Client {
    /// Where it asked from, the latest last.
    addresses: Vec<IpAddr>,
    forwarder: u8,
    at: Instant,
    answers: u64,
}

impl Clients {
    /// A host was told a forwarder.
    pub(crate) fn told(&mut self, cache: ClientCache, now: Instant, host: Mac, from: IpAddr, forwarder: u8) {
        let known = self.forget(host);
        let mut client = known.unwrap_or(Client { addresses: Vec::new(), forwarder, at: now, answers: 0 });
        client.addresses.retain(|address| *address != from);
        if client.addresses.len() >= ADDRESSES {
            client.addresses.remove(0);
        }
        client.addresses.push(from);
        (client.forwarder, client.at) = (forwarder, now);
        client.answers = client.answers.saturating_add(1);
        self.by_age.insert((now, host));
        self.by_mac.insert(host, client);
        self.keeps(Some(cache), now);
    }

    /// What is allowed may have changed, and time has passed.
    pub(crate) fn keeps(&mut self, cache: Option<ClientCache>, now: Instant) {
        let Some(cache) = cache else { return self.clear() };
        while let Some((at, oldest)) = self.by_age.first().copied() {
            if self.by_age.len() <= usize::from(cache.maximum) && !is_over(cache, at, now) {
                return;
            }
            self.forget(oldest);
        }
    }

    /// Nobody is known.
    pub(crate) fn clear(&mut self) {
        *self = Clients::default();
    }

    fn forget(&mut self, host: Mac) -> Option<Client> {
        let client = self.by_mac.remove(&host)?;
        self.by_age.remove(&(client.at, host));
        Some(client)
    }

    /// All of them, whoever asked last first.
    pub(crate) fn view(&self, cache: Option<ClientCache>, now: Instant) -> Vec<view::Client> {
        let lives = |at: Instant| cache.is_some_and(|cache| !is_over(cache, at, now));
        let hosts = self.by_age.iter().rev().take_while(|(at, _)| lives(*at));
        hosts.filter_map(|(at, mac)| Some((at, mac, self.by_mac.get(mac)?))).map(shown_at(now)).collect()
    }
}

fn shown_at(now: Instant) -> impl Fn((&Instant, &Mac, &Client)) -> view::Client {
    move |(at, mac, client)| view::Client {
        mac: *mac,
        addresses: client.addresses.clone(),
        forwarder: client.forwarder,
        told: now.since(*at),
        answers: client.answers,
    }
}

fn is_over(cache: ClientCache, at: Instant, now: Instant) -> bool {
    cache.timeout.is_some_and(|timeout| at + timeout <= now)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const CACHE: ClientCache = ClientCache { maximum: 8, timeout: Some(Duration::from_secs(60)) };

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    fn mac(last: u8) -> Mac {
        Mac([2, 0, 0, 0, 1, last])
    }

    fn told(clients: &mut Clients, second: u64, last: u8, forwarder: u8) {
        clients.told(CACHE, at(second), mac(last), IpAddr::from([10, 0, 0, last]), forwarder);
    }

    fn seen(clients: &Clients, second: u64) -> Vec<(Mac, u8)> {
        let seen = clients.view(Some(CACHE), at(second));
        seen.iter().map(|client| (client.mac, client.forwarder)).collect()
    }

    #[test]
    fn whoever_asked_last_stands_first() {
        let mut clients = Clients::default();
        told(&mut clients, 1, 1, 1);
        told(&mut clients, 2, 2, 2);
        told(&mut clients, 3, 1, 3);
        clients.told(CACHE, at(4), mac(2), IpAddr::from([10, 0, 9, 2]), 2);
        assert_eq!(seen(&clients, 5), [(mac(2), 2), (mac(1), 3)]);
        let first = clients.view(Some(CACHE), at(5)).remove(0);
        assert_eq!((first.answers, first.told), (2, Duration::from_secs(1)));
        assert_eq!(first.addresses, [IpAddr::from([10, 0, 0, 2]), IpAddr::from([10, 0, 9, 2])]);
    }

    #[test]
    fn it_is_no_longer_than_allowed() {
        let mut clients = Clients::default();
        for last in 1..=8 {
            told(&mut clients, 1, last, 1);
        }
        told(&mut clients, 2, 1, 1);
        told(&mut clients, 3, 100, 2);
        assert_eq!(clients.by_mac.len(), 8);
        assert!(!clients.by_mac.contains_key(&mac(2)), "which had not asked for the longest time");
        for port in 0..=255 {
            clients.told(CACHE, at(4), mac(1), IpAddr::from([10, 1, 0, port]), 1);
        }
        assert_eq!(clients.view(Some(CACHE), at(4)).remove(0).addresses.len(), ADDRESSES);

        clients.keeps(Some(ClientCache { maximum: 2, ..CACHE }), at(4));
        assert_eq!(seen(&clients, 4), [(mac(1), 1), (mac(100), 2)]);
        clients.keeps(None, at(4));
        assert!(clients.by_mac.is_empty() && clients.by_age.is_empty());
    }

    #[test]
    fn who_has_not_asked_for_long_is_forgotten() {
        let mut clients = Clients::default();
        told(&mut clients, 0, 1, 1);
        told(&mut clients, 59, 2, 2);
        assert_eq!(seen(&clients, 59).len(), 2);
        assert_eq!(seen(&clients, 60), [(mac(2), 2)], "whether or not anybody asks");
        told(&mut clients, 61, 3, 3);
        assert_eq!(clients.by_mac.len(), 2);
        let endless = ClientCache { timeout: None, ..CACHE };
        assert_eq!(clients.view(Some(endless), at(1_000_000)).len(), 2);
    }
}
