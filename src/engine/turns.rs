//! Which of several ids belongs to which of several secrets, where somebody posted them in turn: an id and its secret, then the next
//! ones, or all ids and then as many secrets.

use std::{collections::VecDeque, path::PathBuf};

use crate::model::{Occurrence, Provenance};

/// When something was posted; of what was posted at once, where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    /// Up to the second, and the digits behind that.
    time: (String, String),
    file: (PathBuf, String),
    /// Of the field in the file, and in the field.
    offset: (u64, u64),
}

impl Moment {
    /// `None` if it isn't known.
    pub(super) fn of(occurrence: &Occurrence) -> Option<Moment> {
        let Provenance::Record(place) = &occurrence.provenance else { return None };
        let (second, rest) = place.time.as_ref()?.utc.as_deref()?.split_at_checked("2024-01-01T10:00:00".len())?;
        let time = (second.to_owned(), rest.trim_start_matches('.').trim_end_matches(['Z', '0']).to_owned());
        let file = (place.physical.file.clone(), place.physical.member.clone());
        Some(Moment { time, file, offset: (place.physical.offset, occurrence.place.span.start) })
    }

    /// Is it known which of the two came first?
    fn is_told_from(&self, other: &Moment) -> bool {
        self.time != other.time || self.file == other.file
    }
}

/// What was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn<'t> {
    Id(&'t str),
    Secret,
}

/// The id of the secret that was posted at `own`; `None` if the turns leave a choice.
pub(super) fn partner<'t>(mut turns: Vec<(Moment, Turn<'t>)>, own: &Moment) -> Option<&'t str> {
    turns.sort_unstable();
    turns.dedup();
    if turns.windows(2).any(|pair| !pair[0].0.is_told_from(&pair[1].0)) {
        return None;
    }
    let (mut open, mut found, mut is_after_secret) = (VecDeque::new(), None, false);
    for (moment, turn) in &turns {
        match turn {
            Turn::Id(id) => {
                // An id that nobody gave a secret for, and then another one.
                if is_after_secret && !open.is_empty() {
                    return None;
                }
                open.push_back(*id);
            }
            Turn::Secret => {
                let id = open.pop_front()?;
                if moment == own {
                    found = Some(id);
                }
            }
        }
        is_after_secret = *turn == Turn::Secret;
    }
    found.filter(|_| open.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Moment, Turn, partner};

    fn at(second: usize) -> Moment {
        let time = (format!("2024-01-01T10:00:{second:02}"), String::new());
        Moment { time, file: Default::default(), offset: (0, 0) }
    }

    /// What each secret in `turns` is given; secrets are `.`, ids letters.
    fn partners(turns: &str) -> Vec<Option<String>> {
        let letters: Vec<String> = turns.chars().map(String::from).collect();
        let all = || {
            let turn = |(second, letter): (usize, &'_ String)| match letter.as_str() {
                "." => (at(second), None),
                id => (at(second), Some(id.to_owned())),
            };
            letters.iter().enumerate().map(turn).collect::<Vec<_>>()
        };
        let given = |second: usize| {
            let all = all();
            let turns = all.iter().map(|(at, id)| (at.clone(), id.as_deref().map_or(Turn::Secret, Turn::Id)));
            partner(turns.collect(), &at(second)).map(str::to_owned)
        };
        let secrets = letters.iter().enumerate().filter(|(_, letter)| *letter == ".");
        secrets.map(|(second, _)| given(second)).collect()
    }

    #[test]
    fn ids_and_secrets_in_turn() {
        let some = |ids: &str| ids.chars().map(|id| Some(id.to_string())).collect::<Vec<_>>();
        assert_eq!(partners("a.b."), some("ab"));
        assert_eq!(partners("ab.."), some("ab"));
        assert_eq!(partners("ab..c."), some("abc"));
        for unclear in ["ab.", ".a", "a..b", "ab.c..", "a.b", ".a.b"] {
            assert!(partners(unclear).iter().all(Option::is_none), "{unclear}");
        }
    }

    #[test]
    fn of_what_was_posted_at_once_in_two_files_nobody_knows_the_order() {
        let there = Moment { file: (Default::default(), "other".to_owned()), ..at(0) };
        assert_eq!(partner(vec![(at(0), Turn::Id("a")), (there.clone(), Turn::Secret)], &there), None);
    }
}
