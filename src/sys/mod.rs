//! The system calls that no safe wrapper offers. All `unsafe` code of the suite is in this room; it decides
//! nothing, and everything it offers is safe to call with any argument.

#![allow(unsafe_code)]

mod bpf;
mod namespace;
mod network;
mod process;

use std::io;

use libc::c_int;

pub(crate) use bpf::*;
pub(crate) use namespace::*;
pub(crate) use network::*;
pub(crate) use process::*;

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
