//! Removes what an earlier run left behind, and nothing else: what bears our mark and has no living owner.

use std::io;

use super::{claim, inside, marks, netlink, nft, route};

/// What was found.
#[derive(Debug, Default)]
pub struct Cleaned {
    /// What was removed, each as a phrase: `address 10.0.0.1/24 on eth0`.
    pub removed: Vec<String>,
    /// What is ours by its mark but was left alone, with the reason.
    pub left: Vec<String>,
}

/// Cleans this network namespace. `mine` are interfaces that this process has already claimed; those of other
/// daemons are left alone.
///
/// Fails if the kernel cannot be asked, or refuses a removal: CAP_NET_ADMIN is needed.
pub fn run(mine: &[&str]) -> io::Result<Cleaned> {
    let mut cleaned = Cleaned::default();
    let mut channel = route::channel()?;
    let links = route::links(&mut channel)?;
    let mut requests = Vec::new();
    let mut phrases = Vec::new();
    let mut claims = std::collections::BTreeMap::new();
    for (index, seen) in route::addresses(&mut channel)? {
        let Some(link) = links.iter().find(|link| link.index == index) else { continue };
        // A device of ours that lives has a living owner.
        if !seen.ours || is_device(link) {
            continue;
        }
        let free = mine.contains(&link.name.as_str())
            || claims.entry(index).or_insert_with(|| claim::claim(&link.name)).is_ok();
        let phrase = format!("address {} on {}", seen.address, link.name);
        if free && (index != inside::LOOPBACK || !others_live(&links, mine)) {
            requests.push(route::delete_address(index, seen.address));
            phrases.push(phrase);
        } else {
            cleaned.left.push(format!("{phrase}: a running daemon has it"));
        }
    }
    // A TUN device of ours goes with its process; one that was made persistent, or lost its process, does not.
    for link in links.iter().filter(|link| is_device(link) && !link.up) {
        requests.push(route::delete_link(link.index));
        phrases.push(format!("device {}", link.name));
    }
    let refusals = channel.submit(requests)?;
    for (index, phrase) in phrases.into_iter().enumerate() {
        match refusals.iter().find(|refusal| refusal.index == index) {
            None => cleaned.removed.push(phrase),
            Some(refusal) if is_gone(&refusal.cause) => {}
            Some(refusal) => {
                let text = format!("remove {phrase}: {}", netlink::reason(&refusal.cause));
                return Err(io::Error::new(refusal.cause.kind(), text));
            }
        }
    }
    match nft::remove_leftovers() {
        Ok(tables) => cleaned.removed.extend(tables),
        // Without nf_tables there can be no table.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
        Err(error) if error.raw_os_error() == Some(libc::EPROTONOSUPPORT) => {}
        Err(error) => return Err(error),
    }
    Ok(cleaned)
}

/// Whether another daemon has an interface here: then addresses on `lo` may be its own.
fn others_live(links: &[route::SeenLink], mine: &[&str]) -> bool {
    links
        .iter()
        .filter(|link| !mine.contains(&link.name.as_str()))
        .any(|link| claim::claim(&link.name).is_err())
}

fn is_device(link: &route::SeenLink) -> bool {
    marks::is_device(&link.name) && link.kind.as_deref() == Some("tun")
}

/// It vanished between our look and our hand.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::ENODEV | libc::ENXIO))
}
