//! Any octets as a capture, compressed or not.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| firsthop_fuzz::capture(input));
