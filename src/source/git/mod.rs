//! A git repository's objects, read from its packs and loose files: no git process, no library's object cache.
//!
//! [`ObjectStore::open`] finds everything a repository keeps objects in; [`ObjectStore::walk`] visits each object once,
//! bases before what is stored as a delta against them, so that a [`Visitor`] can carry what it learned of a base over
//! the ranges that a delta copies. Everything in a repository is hostile input: what can't be read becomes a
//! [`StoreProblem`], and all the rest is visited.
//!
//! ```text
//! layout ─ index, pack ─ forest ─ walk ─ descent ─ Visitor
//!    └─ loose, indexer      └─ duplicates   └─ queue, decoder ─ inflate, delta, buffer
//! ```

mod absent;
mod base_cache;
mod buffer;
mod change_set;
pub mod changes;
mod config;
mod cursor;
mod decoder;
mod delta;
mod descent;
mod duplicates;
mod entries;
mod file;
mod forest;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzz;
pub mod history;
mod id;
mod ids;
mod index;
mod indexer;
mod indexes;
mod inflate;
mod layout;
mod loose;
mod map;
mod pack;
mod problem;
mod queue;
mod reader;
pub mod refs;
mod repository;
pub mod revisions;
pub mod staging;
mod store;
pub mod submodules;
mod tree_diff;
mod walk;
mod work_tree;

pub use crate::model::{ObjectId, ObjectKind as Kind};
pub use change_set::{ChangeSet, discover, own_work_tree};
pub use delta::Op;
pub use id::{KindSet, ObjectFormat};
pub(crate) use layout::path_of;
pub use problem::{DeltaFault, Fault, IndexFault, OpenError, OpenFault, StoreProblem};
pub use reader::Reader;
pub use repository::Repository;
pub(super) use repository::{is_lfs_content, is_lfs_fan};
pub use store::ObjectStore;
pub use walk::{Delta, LargeObject, Object, Visitor, WalkCounts, WalkPlan, Walked};
