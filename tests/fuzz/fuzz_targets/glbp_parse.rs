//! Any octets as a GLBP message.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| firsthop_fuzz::glbp(input));
