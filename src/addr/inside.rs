//! Where accepted virtual addresses live when they are in the router but on none of its links.
//!
//! The first choice is a TUN device that nobody reads: it goes when the process goes. Where none can be had (no
//! `/dev/net/tun`, or no permission for it), `lo` takes the addresses; the guardian removes them there.

use std::fs::File;
use std::io;

use super::netlink::{Channel, reason};
use super::{marks, route};
use crate::sys;

/// `lo` is the first interface of every network namespace.
pub(crate) const LOOPBACK: u32 = 1;

/// The place.
pub(crate) struct Inside {
    /// `/dev/net/tun`, opened early: it must have a lower descriptor than the tables that go after it.
    opened: Option<File>,
    device: Option<Device>,
    /// Why there is no TUN device.
    refused: Option<String>,
}

struct Device {
    _file: File,
    name: String,
    link: u32,
}

impl Inside {
    /// Finds out what can be had; makes nothing yet.
    pub fn probe() -> Self {
        match open() {
            Ok(file) => Inside { opened: Some(file), device: None, refused: None },
            Err(error) => Inside::loopback(&reason(&error)),
        }
    }

    /// No device, for this reason: `lo` instead.
    pub fn loopback(why: &str) -> Self {
        Inside { opened: None, device: None, refused: Some(why.to_owned()) }
    }

    /// One clause for the operator.
    pub fn describe(&self) -> String {
        match (&self.refused, &self.device) {
            (Some(why), _) => format!(
                "accepted addresses on lo, since /dev/net/tun gave `{why}`; the guardian removes them if the daemon dies"
            ),
            (None, Some(device)) => format!("accepted addresses on the TUN device {}", device.name),
            (None, None) => "accepted addresses on a TUN device".into(),
        }
    }

    /// Whether what lives here goes when the process goes.
    pub fn dies_with_us(&self) -> bool {
        self.refused.is_none()
    }

    /// The interface's number, if it is there.
    pub fn link(&self) -> Option<u32> {
        if self.refused.is_some() { Some(LOOPBACK) } else { self.device.as_ref().map(|device| device.link) }
    }

    /// Makes the device if there is none; returns its number.
    pub fn prepare(&mut self, channel: &mut Channel) -> io::Result<u32> {
        if let Some(link) = self.link() {
            return Ok(link);
        }
        let file = match self.opened.take() {
            Some(file) => file,
            None => open()?,
        };
        let name = match sys::create_tun(&file, marks::DEVICE) {
            Ok(name) => name,
            // Opening is everybody's right, making a device the administrator's.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.refused = Some(reason(&error));
                return Ok(LOOPBACK);
            }
            Err(error) => return Err(error),
        };
        let links = route::links(channel)?;
        let link = links.into_iter().find(|link| link.name == name).ok_or(io::ErrorKind::NotFound)?.index;
        let [bare, up] = route::set_up_bare(link);
        // A kernel without IPv6 refuses the first, and has no need of it.
        channel.submit(vec![bare])?;
        if let Some(refusal) = channel.submit(vec![up])?.into_iter().next() {
            return Err(refusal.cause);
        }
        self.device = Some(Device { _file: file, name, link });
        Ok(link)
    }

    /// Somebody removed the interface: the next [`Inside::prepare`] makes a new one. Returns its name.
    pub fn lost(&mut self, link: u32) -> Option<String> {
        self.device.take_if(|device| device.link == link).map(|device| device.name)
    }

    /// Removes the device and all addresses on it. Not only by closing it: a child that is just being started
    /// may still have our descriptor.
    pub fn withdraw(&mut self, channel: &mut Channel) {
        if let Some(device) = self.device.take() {
            channel.submit(vec![route::delete_link(device.link)]).ok();
        }
    }
}

fn open() -> io::Result<File> {
    File::options().read(true).write(true).open("/dev/net/tun")
}
