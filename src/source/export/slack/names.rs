//! Who is who, and which channel is which: looked up for findings only.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::{
    json::{Json, JsonEvent, read_json, top_list},
    system::{Export, split},
};
use crate::model::{RecordAuthor, RecordContainer, RecordPlace, Visibility};

/// What is to be looked up.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    people: HashSet<String>,
    /// Ids and names.
    channels: HashSet<String>,
}

impl Wanted {
    pub(super) fn of(places: &[&mut RecordPlace]) -> Wanted {
        let mut wanted = Wanted::default();
        for place in places {
            wanted.people.extend(place.author.as_ref().and_then(|author| author.id.clone()));
            if let Some(container) = &place.container {
                wanted.channels.extend(container.id.clone());
                wanted.channels.extend(container.name.clone());
            }
        }
        wanted
    }
}

#[derive(Clone, Debug)]
struct Channel {
    id: Option<String>,
    name: Option<String>,
    kind: &'static str,
    visibility: Visibility,
    readers: Option<u64>,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Names {
    people: HashMap<String, RecordAuthor>,
    /// By id, which is one in all of Slack.
    channels: HashMap<String, Channel>,
    /// By name, which each workspace has for itself: with the Grid's workspace that lists it, empty beside those.
    named: HashMap<String, Vec<(String, Channel)>>,
    /// Workspaces by how many of the people are theirs.
    teams: BTreeMap<String, u64>,
}

impl Names {
    /// Reads the lists among an export's files.
    pub(super) fn read(&mut self, export: &Export<'_>, wanted: &Wanted, is_list: &dyn Fn(&str) -> bool) {
        export.read(is_list, &mut |path, input| {
            let (_, name) = split(path);
            read_json(input, &top_list, &mut |event| {
                let JsonEvent::Value { json, .. } = event else { return };
                if super::PEOPLE.contains(&name) {
                    self.person(json, wanted);
                } else {
                    let workspace = super::workspace_of(path).unwrap_or_default();
                    self.channel(json, (&workspace, name.trim_end_matches(".json")), wanted);
                }
            });
        });
    }

    /// Takes in a person.
    pub(super) fn person(&mut self, json: Json<'_>, wanted: &Wanted) {
        if let Some(team) = json.text_of("team_id").filter(|team| team.starts_with('T')) {
            *self.teams.entry(team).or_default() += 1;
        }
        let Some(id) = json.text_of("id").filter(|id| wanted.people.contains(id)) else { return };
        let profile = |key: &str| json.path(&["profile", key]).and_then(|value| value.id());
        let name = profile("real_name").or_else(|| json.text_of("real_name")).or_else(|| json.text_of("name"));
        self.people.insert(id.clone(), RecordAuthor { id: Some(id), name, email: profile("email") });
    }

    /// The workspace that most of the people are of. Those of others are in the lists as well, if they share channels.
    pub(super) fn workspace(&self) -> Option<&str> {
        let most = self.teams.values().max()?;
        let mut first = self.teams.iter().filter(|(_, people)| *people == most);
        first.next().filter(|_| first.next().is_none()).map(|(team, _)| team.as_str())
    }

    /// Takes in a channel; `list` is the name of the list that it is in, or empty if it tells its kind itself, and `workspace`
    /// the Grid's workspace that has the list, empty if there is none.
    pub(super) fn channel(&mut self, json: Json<'_>, (workspace, list): (&str, &str), wanted: &Wanted) {
        let (id, name) = (json.text_of("id"), json.text_of("name"));
        let is_wanted = |key: &&String| wanted.channels.contains(*key);
        let (by_id, by_name) = (id.as_ref().filter(is_wanted), name.as_ref().filter(is_wanted));
        if by_id.is_none() && by_name.is_none() {
            return;
        }
        let is = |key: &str| json.get(key).is_some_and(|value| value.is_true());
        let (kind, visibility) = match list {
            "channels" => ("channel", Visibility::Public),
            "groups" => ("private channel", Visibility::Private),
            "mpims" => ("group message", Visibility::Direct),
            "dms" => ("direct message", Visibility::Direct),
            _ if is("is_im") => ("direct message", Visibility::Direct),
            _ if is("is_mpim") => ("group message", Visibility::Direct),
            _ if is("is_private") || is("is_group") => ("private channel", Visibility::Private),
            _ => ("channel", Visibility::Public),
        };
        let listed = json.get("members").map(|members| members.elements().count() as u64).filter(|count| *count > 0);
        let told = json.get("num_members").and_then(|count| count.id()).and_then(|count| count.parse().ok());
        let channel = Channel {
            id: id.clone(),
            name: name.clone(),
            kind,
            visibility,
            readers: listed.or(told.filter(|n| *n > 0)),
        };
        if let Some(id) = by_id {
            self.channels.insert(id.clone(), channel.clone());
        }
        if let Some(name) = by_name {
            let named = self.named.entry(name.clone()).or_default();
            named.retain(|(own, _)| own != workspace);
            named.push((workspace.to_owned(), channel));
        }
    }

    /// The channel that a place is in. A name counts in the workspace that has it, then among what all of a Grid share; what
    /// lies there may be of any workspace if only one has that name.
    fn channel_of(&self, place: &RecordPlace) -> Option<&Channel> {
        let container = place.container.as_ref()?;
        if let Some(known) = container.id.as_ref().and_then(|id| self.channels.get(id)) {
            return Some(known);
        }
        let name = container.name.as_ref()?;
        let in_workspace = self.named.get(name).and_then(|named| {
            let of = |workspace: &str| named.iter().find(|(own, _)| own == workspace);
            let own = of(place.workspace.as_deref().unwrap_or_default()).or_else(|| of(""));
            own.or(if let [only] = named.as_slice() { Some(only) } else { None })
        });
        // Directories of direct messages are called by the id.
        in_workspace.map(|(_, channel)| channel).or_else(|| self.channels.get(name))
    }

    /// Fills in what is known.
    pub(super) fn fill(&self, place: &mut RecordPlace) {
        if let Some(author) = &mut place.author
            && let Some(known) = author.id.as_ref().and_then(|id| self.people.get(id))
        {
            author.name = known.name.clone().or_else(|| author.name.take());
            author.email.clone_from(&known.email);
        }
        let Some(known) = self.channel_of(place) else { return };
        place.visibility = Some(known.visibility);
        place.readers = known.readers;
        let name = known.name.clone().or_else(|| place.container.as_ref()?.name.clone());
        place.container = Some(RecordContainer { kind: known.kind.to_owned(), id: known.id.clone(), name });
    }
}
