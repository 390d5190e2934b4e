//! `--map`: what is where in records of no known system.

use std::str::FromStr;

use super::json::Json;

/// What a part of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A text that people wrote.
    Text,
    /// The author's name.
    Author,
    /// The author's id.
    AuthorId,
    /// The author's e-mail address.
    AuthorEmail,
    /// When it was written.
    Time,
    /// When it was changed.
    Edited,
    /// Where it is to be seen.
    Url,
    /// Name of the channel, project or space.
    Container,
    /// Id of the thread.
    Thread,
    /// Id of the record.
    Id,
    /// The list of records in a document.
    Records,
}

impl Role {
    pub(super) const ALL: [(&'static str, Role); 11] = [
        ("text", Role::Text),
        ("author", Role::Author),
        ("author_id", Role::AuthorId),
        ("author_email", Role::AuthorEmail),
        ("time", Role::Time),
        ("edited", Role::Edited),
        ("url", Role::Url),
        ("container", Role::Container),
        ("thread", Role::Thread),
        ("id", Role::Id),
        ("records", Role::Records),
    ];
}

/// Which parts of a record are what: `text=.body,author=.user.login`. Of tables, parts are columns: `text=Description`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldMap {
    entries: Vec<(Role, Vec<String>)>,
}

/// Why a map can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// An entry without `=`.
    #[error("`{0}`: write WHAT=.path.to.it, such as text=.body")]
    NoPath(String),
    /// A name that isn't known.
    #[error("`{name}` is nothing that a record has: there is {known}")]
    Role {
        /// The name as given.
        name: String,
        /// What there is.
        known: String,
    },
}

impl FromStr for FieldMap {
    type Err = MapError;

    fn from_str(text: &str) -> Result<FieldMap, MapError> {
        let mut map = FieldMap::default();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, path) = entry.split_once('=').ok_or_else(|| MapError::NoPath(entry.to_owned()))?;
            let role = Role::ALL.iter().find(|(known, _)| *known == name.trim()).ok_or_else(|| MapError::Role {
                name: name.to_owned(),
                known: Role::ALL.map(|(known, _)| known).join(", "),
            })?;
            let path = path.trim();
            // A column's name may have dots; a path begins with one.
            let steps = match path.strip_prefix('.') {
                Some(path) => path.split('.').map(|step| step.trim_end_matches("[]").to_owned()).collect(),
                None => vec![path.to_owned()],
            };
            map.entries.push((role.1, steps));
        }
        Ok(map)
    }
}

impl FieldMap {
    /// Adds the entries of another map.
    pub fn extend(&mut self, other: FieldMap) {
        self.entries.extend(other.entries);
    }

    /// Paths of a role.
    pub(super) fn of(&self, role: Role) -> impl Iterator<Item = &[String]> {
        self.entries.iter().filter(move |(own, _)| *own == role).map(|(_, path)| path.as_slice())
    }

    /// What is nowhere to be found, and where it was to be; `is_there` says of a path if it leads to something.
    pub(super) fn missing(&self, is_there: &dyn Fn(&[String]) -> bool) -> Vec<(&'static str, String)> {
        let paths = |role: Role| self.of(role).map(|path| path.join(".")).collect::<Vec<_>>().join(", ");
        let roles = Role::ALL.iter().filter(|(_, role)| *role != Role::Records && self.of(*role).next().is_some());
        let missing = roles.filter(|(_, role)| !self.of(*role).any(is_there));
        missing.map(|(name, role)| (*name, paths(*role))).collect()
    }

    /// The first text that a role has in a record.
    pub(super) fn text(&self, role: Role, record: Json<'_>) -> Option<String> {
        self.of(role).find_map(|path| {
            let mut text = None;
            visit(record, path, &mut |value| text = text.take().or_else(|| value.id()));
            text
        })
    }
}

/// All values at a path; lists on the way are entered.
pub(super) fn visit<'t>(value: Json<'t>, path: &[String], each: &mut dyn FnMut(Json<'t>)) {
    if value.is_array() {
        return value.elements().for_each(|element| visit(element, path, each));
    }
    match path.split_first() {
        None => each(value),
        Some((key, rest)) if !key.is_empty() => {
            if let Some(inner) = value.get(key) {
                visit(inner, rest, each);
            }
        }
        Some((_, rest)) => visit(value, rest, each),
    }
}

#[cfg(test)]
mod tests {
    use super::{FieldMap, MapError, Role};

    #[test]
    fn maps_are_read() {
        let map: FieldMap = "text=.body, author=.user.login,text=.notes[].text,time=Created At".parse().unwrap();
        let texts: Vec<_> = map.of(Role::Text).collect();
        assert_eq!(texts, [&["body".to_owned()][..], &["notes".to_owned(), "text".to_owned()][..]]);
        assert_eq!(map.of(Role::Time).next().unwrap(), ["Created At".to_owned()]);
        assert_eq!("text".parse::<FieldMap>(), Err(MapError::NoPath("text".to_owned())));
        assert!(matches!("body=.x".parse::<FieldMap>(), Err(MapError::Role { .. })));
    }
}
