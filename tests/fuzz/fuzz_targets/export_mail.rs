#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| unleak::source::export::fuzz::export_mail(data));
