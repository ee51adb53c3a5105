//! Any octets as a VRRP message.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| firsthop_fuzz::vrrp(input));
