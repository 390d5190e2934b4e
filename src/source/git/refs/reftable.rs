//! A stack of reftables: `tables.list` names them, oldest first; a newer one's word counts.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    super::{Fault, ObjectFormat, StoreProblem, file, layout::path_of},
    Found, LogEntry, Place, Value, is_own,
    table::{Budget, Table},
};

const MAX_LIST_BYTES: u64 = 1 << 20;
/// A compaction replaces tables between our reading the list and opening them; this often the list is read again.
const MAX_LISTINGS: usize = 3;

/// What a stack says, a deletion being `None`.
#[derive(Default)]
pub(super) struct Stack {
    pub(super) refs: BTreeMap<Vec<u8>, Option<Value>>,
    /// By name and number of the transaction.
    pub(super) logs: BTreeMap<(Vec<u8>, u64), Option<LogEntry>>,
}

/// Reads the stacks of all work trees.
pub(super) fn read(places: &[Place], found: &mut Found) {
    for place in places {
        let stack = stack(&place.dir.join("reftable"), found.format, &mut found.problems);
        let is_here = |name: &[u8]| is_own(name) || place.is_common;
        for (name, value) in stack.refs {
            if let Some(value) = value.filter(|_| is_here(&name)) {
                found.values.insert(place.name(&name), value);
            }
        }
        for ((name, _), entry) in stack.logs {
            if let Some(entry) = entry.filter(|_| is_here(&name)) {
                found.logs.push(LogEntry { name: place.name(&name), ..entry });
            }
        }
    }
}

fn stack(dir: &Path, format: ObjectFormat, problems: &mut Vec<StoreProblem>) -> Stack {
    for _ in 1..MAX_LISTINGS {
        let mut now = Vec::new();
        let stack = stack_once(dir, format, &mut now);
        if !now.iter().any(|problem| problem.fault == Fault::Missing) {
            problems.append(&mut now);
            return stack;
        }
    }
    stack_once(dir, format, problems)
}

fn stack_once(dir: &Path, format: ObjectFormat, problems: &mut Vec<StoreProblem>) -> Stack {
    let mut stack = Stack::default();
    let mut maps = Vec::new();
    for path in tables(dir, problems) {
        let fault = match file::map(&path) {
            Ok(Some(map)) => {
                maps.push((path, map));
                continue;
            }
            Err(Fault::Io(std::io::ErrorKind::NotFound)) => Fault::Missing,
            Ok(None) => Fault::Malformed("reftable"),
            Err(fault) => fault,
        };
        problems.push(StoreProblem::file(path, fault));
    }
    let mut budget = Budget::of(maps.iter().map(|(_, map)| map.len() as u64).sum());
    for (path, map) in maps {
        let read = Table::open(&map, format).and_then(|table| table.read(&mut stack, &mut budget));
        if let Err(fault) = read {
            problems.push(StoreProblem::file(path, fault));
        }
    }
    stack
}

/// Paths of the tables. A name that would lead out of the directory is none.
fn tables(dir: &Path, problems: &mut Vec<StoreProblem>) -> Vec<PathBuf> {
    let list = dir.join("tables.list");
    let text = file::read(&list, MAX_LIST_BYTES).unwrap_or_else(|fault| {
        problems.push(StoreProblem::file(&list, fault));
        None
    });
    let mut paths = Vec::new();
    for (number, line) in text.unwrap_or_default().split(|&byte| byte == b'\n').enumerate() {
        let is_name = !line.contains(&b'/') && !line.contains(&b'\\') && line != b".." && line != b".";
        match line {
            [] => {}
            _ if is_name => paths.push(dir.join(path_of(line))),
            _ => problems.push(StoreProblem::file(&list, Fault::MalformedLine(number + 1))),
        }
    }
    paths
}
