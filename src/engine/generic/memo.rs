//! Features that were found before: most assignments stand in many versions of a file, or in many files.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, Hasher},
    mem::discriminant,
};

use foldhash::quality::RandomState;

use super::{
    Features,
    model::{AROUND, Subject},
    name::{self, NameTraits},
    settled::Need,
};

/// Beyond so many it begins anew: about 2 MB.
const MAX_KNOWN: usize = 1 << 16;

/// One thread's memory of features, by a hash of all that they depend on.
#[derive(Debug, Default)]
pub(in crate::engine) struct Memo {
    known: HashMap<u64, Features, RandomState>,
    seed: RandomState,
    names: Names,
}

/// What names say that were met lately: there are few, and each stands in many places.
#[derive(Debug, Default)]
struct Names {
    /// By the last bits of a name's hash: the hash, and what it says. Empty until the first is asked for.
    met: Vec<(u64, NameTraits)>,
    seed: RandomState,
}

/// So many names are remembered: 16 KB, which the nearest cache holds.
const NAMES: usize = 1 << 10;

impl Names {
    fn traits_of(&mut self, name: &[u8]) -> NameTraits {
        if self.met.is_empty() {
            self.met.resize(NAMES, (0, name::traits_of(b"")));
        }
        let hash = self.seed.hash_one(name);
        let met = &mut self.met[hash as usize % NAMES];
        if met.0 != hash {
            *met = (hash, name::traits_of(name));
        }
        met.1
    }
}

impl Memo {
    /// The features of a match that are needed to tell whether its score is `least` or more, but those of its path.
    /// To be asked with the same `least` always.
    pub(in crate::engine) fn features(&mut self, subject: &Subject<'_>, least: u8) -> Features {
        let need = Need::Points(least);
        let begun = subject.begun(self.names.traits_of(subject.name()));
        if let Some(features) = begun.settled(need) {
            return features;
        }
        let key = self.key(subject);
        if let Some(features) = self.known.get(&key) {
            return *features;
        }
        let features = subject.features_from(begun, need);
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(key, features);
        features
    }

    /// A match, and everything around it that the model looks at.
    fn key(&self, subject: &Subject<'_>) -> u64 {
        let found = subject.found;
        let (secret, whole, name) = (found.secret(), found.whole(), found.name());
        let first = secret.start.min(whole.start).min(if name.is_empty() { secret.start } else { name.start });
        let from = first.saturating_sub(AROUND);
        let to = (secret.end.max(whole.end).max(name.end) + AROUND).min(subject.bytes.len());
        let mut hasher = self.seed.build_hasher();
        (found.rule, secret.start - from, secret.len(), whole.start - from, whole.len()).hash(&mut hasher);
        (name.len(), name.start.wrapping_sub(from), found.keyword_in_name()).hash(&mut hasher);
        (found.is_assigned, found.is_quoted, discriminant(&found.ending), discriminant(&found.syntax))
            .hash(&mut hasher);
        found.id.map(|(start, end)| ((start as usize).wrapping_sub(from), end - start)).hash(&mut hasher);
        subject.bytes[from..to].hash(&mut hasher);
        hasher.finish()
    }
}
