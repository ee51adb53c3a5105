//! Any octets as an HSRP message.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| firsthop_fuzz::hsrp(input));
