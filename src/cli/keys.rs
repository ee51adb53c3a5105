//! What it takes to verify frames, on the command line of whatever reads captures.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory};
use zeroize::Zeroize;

use super::Arguments;
use crate::decode::Wish;
use crate::decode::keys::{KeyError, Keys};

/// Keys to verify frames with, and what else that takes.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// A key to verify frames with, as vrrp=SECRET or vrrp-hex=DIGITS; may be repeated, and one that fits is enough
    #[arg(short, long, value_name = "PROTOCOL=SECRET")]
    key: Vec<String>,
    /// A file of such keys, one on each line; it must not be readable by everybody
    #[arg(long, value_name = "FILE")]
    key_file: Vec<PathBuf>,
    /// A virtual address that CARP's digests cover, if the capture has no announcement of it; may be repeated
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    carp_address: Vec<IpAddr>,
}

impl KeyArgs {
    /// All of it. A key that is written wrongly ends the program, as any wrong argument does.
    pub(super) fn collect(&mut self) -> Result<Wish, KeyError> {
        match self.read() {
            Ok(keys) => {
                Ok(Wish { keys, carp_addresses: std::mem::take(&mut self.carp_address), fields: false })
            }
            Err(
                error @ (KeyError::Io { .. }
                | KeyError::Public { .. }
                | KeyError::Long { .. }
                | KeyError::Line { .. }),
            ) => Err(error),
            Err(error) => Arguments::command().error(ErrorKind::ValueValidation, error).exit(),
        }
    }

    fn read(&mut self) -> Result<Keys, KeyError> {
        let mut keys = Keys::default();
        let mut wrong = None;
        for mut text in self.key.drain(..) {
            wrong = wrong.or(keys.add(text.as_bytes()).err());
            text.zeroize();
        }
        self.key_file.iter().try_for_each(|file| keys.add_file(file))?;
        wrong.map_or(Ok(keys), Err)
    }
}
