//! Secrets in what a user types and a message repeats: paths, mostly.

use std::path::{Component, Path};

use super::scanner::{Scanner, Scratch, Window};
use crate::{
    model::{Origin, Secret},
    source::NAME_BYTES,
};

impl Scanner {
    /// The secrets in the names that paths are made of. A walk scans the names below its roots; this is for the roots and
    /// whatever else was named.
    #[must_use]
    pub fn secrets_in_paths<'p>(&self, paths: impl IntoIterator<Item = &'p Path>) -> Vec<Secret> {
        let mut scratch = Scratch::default();
        let names = paths.into_iter().flat_map(Path::components).filter_map(|component| match component {
            Component::Normal(name) => Some(name.as_encoded_bytes()),
            _ => None,
        });
        names.flat_map(|name| self.secrets_in_name(name, &mut scratch)).collect()
    }

    /// The secrets in a message that may name files and what else somebody typed.
    #[must_use]
    pub fn secrets_in_message(&self, message: &str) -> Vec<Secret> {
        let mut scratch = Scratch::default();
        let names = message.split('/');
        let words = message.split(['/', ' ', '\'', '"', '`']).map(|word| word.trim_end_matches([':', ',', '.']));
        let all = std::iter::once(message).chain(names).chain(words);
        all.flat_map(|text| self.secrets_in_name(text.as_bytes(), &mut scratch)).collect()
    }

    fn secrets_in_name(&self, name: &[u8], scratch: &mut Scratch) -> Vec<Secret> {
        if name.len() < NAME_BYTES {
            return Vec::new();
        }
        let window = Window { bytes: name, owned: 0..name.len(), origin: Origin::Named("a name") };
        let found = self.scan_window(&window, scratch, &mut ());
        let secrets = found.accepted.iter().filter(|(found, _)| !self.rules[found.rule as usize].identifier);
        secrets.map(|(found, _)| Secret::new(&name[found.secret()])).collect()
    }
}
