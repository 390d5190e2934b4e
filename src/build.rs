//! Embeds the rules.
fn main() {}
