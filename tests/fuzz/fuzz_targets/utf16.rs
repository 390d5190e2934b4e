#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| unleak_fuzz::utf16(data));
