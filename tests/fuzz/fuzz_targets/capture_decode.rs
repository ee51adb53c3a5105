//! Any octets as a capture, decoded and printed in every form.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| firsthop_fuzz::decode(input));
