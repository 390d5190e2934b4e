//! The store: one contract, which both engines must keep.
//!
//! PostgreSQL is tested where `UNLEAK_TEST_POSTGRES` holds the address of a database (`.ci/run` starts one): each test makes
//! a schema of its own there and drops it.

mod audit;
#[cfg(all(feature = "cli", unix))]
pub(crate) mod commands;
mod contract;
#[cfg(all(feature = "cli", unix))]
mod disk;
mod due;
#[cfg(all(feature = "cli", unix))]
mod exports;
mod findings;
pub(crate) mod fixture;
mod inventory;
#[cfg(all(feature = "cli", unix))]
mod kept;
mod lost;
mod older;
#[cfg(all(feature = "cli", unix))]
mod proofs;
#[cfg(all(feature = "cli", target_os = "linux"))]
mod scale;
mod schema;
#[cfg(feature = "cli")]
mod statements;
#[cfg(all(feature = "cli", unix))]
mod whose;
