//! The `unleak` command.
fn main() {}
