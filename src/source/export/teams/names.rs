//! What lists beside the messages say: who people are, what channels and chats are called, and who may read them.

use std::collections::{HashMap, HashSet};

use super::{
    super::{
        input::Input,
        json::{Json, JsonEvent, keys, read_json},
        system::{Export, split},
    },
    entering, is_conversation, is_list, text_of,
};
use crate::model::{RecordAuthor, RecordPlace, Visibility};

/// Who may read a channel.
struct Openness {
    visibility: Visibility,
    /// The team that it is open to, if it is to all of that.
    team: Option<String>,
}

/// What is to be looked up, and what was found.
#[derive(Default)]
pub(super) struct Names {
    people: HashSet<String>,
    /// Channels and chats.
    conversations: HashSet<String>,
    authors: HashMap<String, RecordAuthor>,
    titles: HashMap<String, Option<String>>,
    open: HashMap<String, Openness>,
    /// Teams by what they say of themselves, and by how many are in them.
    teams: HashMap<String, Visibility>,
    members: HashMap<String, u64>,
}

impl Names {
    pub(super) fn wanted(places: &[&mut RecordPlace]) -> Names {
        Names {
            people: places.iter().filter_map(|place| place.author.as_ref()?.id.clone()).collect(),
            conversations: places.iter().filter_map(|place| place.container.as_ref()?.id.clone()).collect(),
            ..Names::default()
        }
    }

    /// Reads the lists among an export's files.
    pub(super) fn read(&mut self, export: &Export<'_>) {
        export.read(&|path| is_list(split(path).1), &mut |path, input| {
            let (folder, name) = split(path);
            // `teams/<id>/channels_<id>.json`.
            let (_, team) = split(folder.trim_end_matches('/'));
            let enter = entering(input);
            read_json(input, &enter, &mut |event| {
                let JsonEvent::Value { json, .. } = event else { return };
                if name.starts_with("teamMembers_") {
                    *self.members.entry(team.to_owned()).or_default() += 1;
                }
                self.note(json, team);
            });
        });
        if self.conversations.iter().any(|id| !self.titles.contains_key(id)) {
            let is_account = |path: &str| split(path).1.ends_with(".json") && !is_list(split(path).1);
            export.read(&is_account, &mut |_, input| self.read_account(input));
        }
    }

    fn note(&mut self, json: Json<'_>, team: &str) {
        let Some(id) = text_of(json, "id") else { return };
        let name = text_of(json, "displayName").or_else(|| text_of(json, "topic"));
        if let Some(stated) = text_of(json, "visibility") {
            let is_public = stated.eq_ignore_ascii_case("public");
            self.teams.insert(id.clone(), if is_public { Visibility::Public } else { Visibility::Private });
        }
        if self.people.contains(&id) {
            let email = text_of(json, "mail").or_else(|| text_of(json, "userPrincipalName"));
            self.authors.insert(id.clone(), RecordAuthor { id: Some(id), name, email });
        } else if self.conversations.contains(&id) {
            if let Some(openness) = openness(json, team) {
                self.open.insert(id.clone(), openness);
            }
            self.titles.insert(id, name);
        }
    }

    /// Names of conversations in an account's own export.
    fn read_account(&mut self, input: &mut Input<'_>) {
        let (mut id, mut name) = (None, None);
        let enter = entering(input);
        read_json(input, &enter, &mut |event| match event {
            JsonEvent::Value { path, json, .. } => match keys(path).collect::<Vec<_>>().as_slice() {
                ["conversations", "id"] => id = json.id(),
                ["conversations", "displayName"] => name = json.id(),
                _ => {}
            },
            JsonEvent::Leave { path } if is_conversation(path) => {
                let (id, name) = (id.take(), name.take());
                if let Some(id) = id.filter(|id| self.conversations.contains(id)) {
                    self.titles.insert(id, name);
                }
            }
            _ => {}
        });
    }

    /// Fills in what is known.
    pub(super) fn fill(&self, place: &mut RecordPlace) {
        if let Some(known) = place.author.as_ref().and_then(|author| self.authors.get(author.id.as_ref()?)) {
            place.author = Some(known.clone());
        }
        let Some(container) = &mut place.container else { return };
        let Some(id) = container.id.clone() else { return };
        if let Some(name) = self.titles.get(&id) {
            container.name = name.clone().or(container.name.take());
        }
        let Some(open) = self.open.get(&id) else { return };
        let team = open.team.as_ref();
        place.visibility = Some(team.and_then(|team| self.teams.get(team)).copied().unwrap_or(open.visibility));
        place.readers = team.and_then(|team| self.members.get(team)).copied().or(place.readers);
    }
}

/// Who may read a channel of a team, or a chat, as it says itself.
fn openness(json: Json<'_>, team: &str) -> Option<Openness> {
    if let Some(kind) = text_of(json, "membershipType") {
        return Some(match kind.eq_ignore_ascii_case("standard") {
            true => Openness { visibility: Visibility::Public, team: Some(team.to_owned()) },
            false => Openness { visibility: Visibility::Private, team: None },
        });
    }
    let kind = text_of(json, "chatType")?;
    let is_meeting = kind.eq_ignore_ascii_case("meeting");
    Some(Openness { visibility: if is_meeting { Visibility::Private } else { Visibility::Direct }, team: None })
}
