//! Any octets as a CARP message.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| firsthop_fuzz::carp(input));
