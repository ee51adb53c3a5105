//! Any octets as a capture, told, drawn and replayed.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| firsthop_fuzz::story(input));
