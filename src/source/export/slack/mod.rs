//! Slack's own exports: a directory or zip with lists of people and channels, and a file per channel and day. Enterprise
//! Grid puts each workspace's into `teams/<name>/`, and what they share beside that.
//!
//! Format: slack.com/help/articles/220556107 (read 2026-11), the archives of slack-export-viewer and slackdump.

pub(super) mod chunk;
pub(super) mod database;
pub(super) mod dump;
mod message;
mod names;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{LazyLock, Mutex},
};

use memchr::memmem::Finder;

pub(super) use self::message::{are_blocks, flat_blocks, tell_copied};
use self::{
    message::{Author, Messages},
    names::{Names, Wanted},
};
use super::{
    input::Input,
    json::{Json, JsonEvent, read_json, top_list},
    markup::Markup,
    sink::{Rest, Sink},
    system::{Detection, Export, Look, Opening, Reader, Reading, System, split},
};
use crate::{
    model::{RecordAttachment, RecordContainer, RecordPlace},
    source::crew::lock,
};

/// Slack's own exports.
pub(super) struct Slack;

/// Places in one container that are looked at closely: each costs a look at all paths.
const MAX_ROOTS: usize = 256;

/// What all addresses of workspaces have.
static SITES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(".slack.com"));

/// Lists of people.
const PEOPLE: [&str; 2] = ["users.json", "org_users.json"];

/// Lists of channels.
const CHANNELS: [&str; 4] = ["channels.json", "groups.json", "dms.json", "mpims.json"];

impl System for Slack {
    fn name(&self) -> &'static str {
        "slack"
    }

    fn title(&self) -> &'static str {
        "Slack export"
    }

    fn marks(&self) -> &'static [&'static str] {
        &["users.json", "org_users.json", "channels.json", "dms.json"]
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        let mut roots: Vec<String> = look.paths().filter_map(root_of_list).map(str::to_owned).collect();
        roots.sort_unstable();
        roots.dedup();
        // The workspaces of a Grid belong to the export around them.
        let grid: Vec<String> = roots.iter().filter_map(|root| grid_root(root)).map(str::to_owned).collect();
        roots.retain(|root| grid_root(root).is_none());
        roots.extend(grid);
        roots.sort_unstable();
        roots.dedup();
        roots.into_iter().take(MAX_ROOTS).filter_map(|root| detection(look, root)).collect()
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(SlackReader {
            base_url: opening.options.base_url.clone(),
            archive: opening.look.container_name(),
            seen: Mutex::default(),
        })
    }
}

/// The directory of a list of people or channels.
fn root_of_list(path: &str) -> Option<&str> {
    let (root, name) = split(path);
    (PEOPLE.contains(&name) || CHANNELS.contains(&name)).then_some(root)
}

/// The root of the Grid that a workspace's directory is in.
fn grid_root(root: &str) -> Option<&str> {
    let (above, _) = split(root.trim_end_matches('/'));
    above.strip_suffix("teams/")
}

/// Paths by their directory.
fn by_folder<'p>(paths: impl Iterator<Item = &'p str>) -> BTreeMap<&'p str, Vec<&'p str>> {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    paths.for_each(|path| folders.entry(split(path).0).or_default().push(path));
    folders
}

fn detection(look: &Look<'_>, root: String) -> Option<Detection> {
    let mut signs: Vec<String> = Vec::new();
    let lists = PEOPLE.iter().chain(&CHANNELS).filter(|name| look.has(&format!("{root}{name}")));
    signs.extend(lists.map(|name| (*name).to_owned()));
    let below = || look.paths().filter_map(|path| path.strip_prefix(root.as_str()));
    let workspaces = below().filter(|path| path.starts_with("teams/") && path.ends_with("/users.json")).count();
    if workspaces > 0 {
        signs.push(format!("{workspaces} workspaces in teams/"));
    }
    let days = below().filter(|path| day_file(path).is_some()).count();
    if days > 0 {
        signs.push(format!("{days} files of channels named by a day"));
    }
    // Lists alone are anybody's: days or both kinds of lists make it Slack's.
    let has = |names: &[&str]| names.iter().any(|name| signs.iter().any(|sign| sign == name));
    let is_export = days > 0 || workspaces > 0 || has(&PEOPLE) && has(&["dms.json", "mpims.json", "groups.json"]);
    is_export.then_some(Detection { root, signs })
}

/// The directory of a channel, if the path is that of one of its days.
fn day_file(path: &str) -> Option<&str> {
    let (folder, name) = split(path);
    let day = name.strip_suffix(".json")?;
    let is_day = day.len() == 10
        && day
            .bytes()
            .enumerate()
            .all(|(index, byte)| if matches!(index, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    (is_day && !folder.is_empty()).then_some(folder)
}

struct SlackReader {
    base_url: Option<String>,
    /// Name of the archive: what a workspace's address is guessed from if nothing else is known.
    archive: String,
    /// Of each workspace of a Grid that has messages; those of what lies beside them have an empty name.
    seen: Mutex<BTreeMap<String, Domains>>,
}

/// Addresses of a workspace that were seen. The smallest place counts, so that it is the same on any number of threads.
#[derive(Debug, Default)]
struct Domains {
    /// In the address that Slack gave to a file.
    of_files: Option<(String, u64, String)>,
    /// In a text, so it may be another workspace's.
    in_texts: Option<(String, u64, String)>,
}

impl Domains {
    fn note(slot: &mut Option<(String, u64, String)>, path: &str, offset: u64, domain: &str) {
        let is_first = slot.as_ref().is_none_or(|(own, at, _)| (path, offset) < (own.as_str(), *at));
        if is_first {
            *slot = Some((path.to_owned(), offset, domain.to_owned()));
        }
    }
}

/// `https://acme.slack.com` of an address in a workspace.
fn domain_in(text: &str) -> Option<&str> {
    let end = text.find(".slack.com/")? + ".slack.com".len();
    let start = text[..end].rfind("https://")?;
    let domain = &text[start..end];
    let host = domain.strip_prefix("https://")?.strip_suffix(".slack.com")?;
    let is_workspace =
        !matches!(host, "files" | "app" | "api" | "www" | "slack-files" | "hooks" | "status" | "edgeapi");
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
    (is_workspace && is_name && !host.is_empty()).then_some(domain)
}

impl Reader for SlackReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        if let Some(folder) = day_file(path) {
            self.read_day(path, folder, input, sink);
            return Reading::Records;
        }
        if let Some(attachment) = attachment(path) {
            return Reading::Attachment(attachment);
        }
        let (_, name) = split(path);
        if !name.ends_with(".json") {
            return Reading::NotMine;
        }
        read_list(path, input, sink);
        Reading::Records
    }

    fn is_own(&self, path: &str, _: &mut Input<'_>) -> bool {
        day_file(path).is_some() || root_of_list(path).is_some() || attachment(path).is_some()
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        let is_day = |path: &str| day_file(path).is_some();
        let fill = |path: &str, place: &mut RecordPlace| {
            place.container = day_file(path).map(container_of);
            place.workspace = workspace_of(path).or_else(|| place.workspace.take());
        };
        let messages = Messages { is_file: &is_day, enter: &top_list, fill: &fill };
        message::find_attachments(export, places, &messages);
        let mut names = Names::default();
        names.read(export, &Wanted::of(places), &|path| {
            let (_, name) = split(path);
            PEOPLE.contains(&name) || CHANNELS.contains(&name)
        });
        self.share_workspace(names.workspace(), places);
        message::merge_copies(places);
        for place in places {
            names.fill(place);
            let site = self.site(place.workspace.as_deref());
            message::link(place, &site);
        }
    }
}

impl SlackReader {
    fn read_day(&self, path: &str, folder: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) {
        lock(&self.seen).entry(workspace_of(path).unwrap_or_default()).or_default();
        let fill = |place: &mut RecordPlace| {
            place.container = Some(container_of(folder));
            place.workspace = workspace_of(path);
        };
        read_json(input, &top_list, &mut |event| match event {
            JsonEvent::Value { json, bytes, line, .. } => {
                self.note_domain(path, json, bytes);
                message::tell(json, (bytes.len(), line), sink, &fill);
            }
            JsonEvent::Broken { bytes, offset, why } => sink.broken_in((bytes, offset, 0), why, &fill),
            JsonEvent::Enter { .. } | JsonEvent::Leave { .. } => {}
        });
    }

    fn note_domain(&self, path: &str, json: Json<'_>, bytes: &[u8]) {
        if SITES.find(bytes).is_none() {
            return;
        }
        let files = json.get("files").into_iter().flat_map(|files| files.elements());
        let permalink =
            files.filter_map(|file| file.text_of("permalink")).find_map(|link| domain_in(&link).map(str::to_owned));
        let mut seen = lock(&self.seen);
        let domains = seen.entry(workspace_of(path).unwrap_or_default()).or_default();
        if let Some(domain) = permalink {
            Domains::note(&mut domains.of_files, path, json.offset(), &domain);
        }
        let text = json.text_of("text").unwrap_or_default();
        if let Some(domain) = domain_in(&text).filter(|_| text.contains(".slack.com/archives/")) {
            Domains::note(&mut domains.in_texts, path, json.offset(), domain);
        }
    }

    /// The workspace of the people, or what messages say of theirs, goes for all, if it is one. What lies beside the workspaces
    /// of a Grid is of none.
    fn share_workspace(&self, of_people: Option<&str>, places: &mut [&mut RecordPlace]) {
        let seen = lock(&self.seen);
        let is_grid = seen.keys().any(|workspace| !workspace.is_empty());
        let told: BTreeSet<String> = places.iter().filter_map(|place| place.workspace.clone()).collect();
        let mut told = told.into_iter();
        let only = told.next().filter(|_| !is_grid && told.next().is_none());
        let of_people = of_people.filter(|_| !is_grid);
        for place in places {
            place.workspace = match place.workspace.take() {
                _ if of_people.is_some() => of_people.map(str::to_owned),
                Some(workspace) if !is_grid || seen.contains_key(&workspace) => Some(workspace),
                _ => only.clone(),
            };
        }
    }

    /// The address of a workspace, and how well it is known.
    fn site(&self, workspace: Option<&str>) -> message::Site {
        if let Some(base) = &self.base_url {
            return message::Site::derived(base);
        }
        let seen = lock(&self.seen);
        // Anything else is an id that a message has.
        let of_grid = workspace.filter(|workspace| seen.contains_key(*workspace));
        let domains = seen.get(of_grid.unwrap_or_default());
        if let Some((.., domain)) = domains.and_then(|domains| domains.of_files.as_ref()) {
            return message::Site::derived(domain);
        }
        let in_texts = domains.and_then(|domains| domains.in_texts.as_ref()).map(|(.., domain)| domain.clone());
        message::Site::guess(in_texts.or_else(|| match of_grid {
            Some(workspace) => named(workspace),
            None => named_in(&self.archive),
        }))
    }
}

/// `Acme Slack export Jan 1 2024 - Feb 1 2024.zip` is that of the workspace `acme`, mostly.
fn named_in(archive: &str) -> Option<String> {
    named(archive.split(" Slack export").next().filter(|name| name.len() < archive.len())?)
}

/// The address that a workspace of that name mostly has.
fn named(name: &str) -> Option<String> {
    let host: String = name
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c => (c.is_ascii_alphanumeric() || c == '-').then_some(c),
        })
        .collect();
    (!host.is_empty()).then(|| format!("https://{host}.slack.com"))
}

fn container_of(folder: &str) -> RecordContainer {
    let (_, name) = split(folder.trim_end_matches('/'));
    RecordContainer { kind: "channel".to_owned(), id: None, name: Some(name.to_owned()) }
}

/// The workspace of a Grid.
fn workspace_of(path: &str) -> Option<String> {
    let rest = path.strip_prefix("teams/")?;
    rest.split_once('/').map(|(team, _)| team.to_owned())
}

/// `__uploads/F012/notes.txt` and `general/attachments/F012-notes.txt` are files of messages.
fn attachment(path: &str) -> Option<RecordAttachment> {
    let (folder, name) = split(path);
    let (id, name) = if folder.ends_with("attachments/") {
        name.split_once('-')?
    } else if folder.contains("__uploads/") {
        (split(folder.trim_end_matches('/')).1, name)
    } else {
        return None;
    };
    id.starts_with('F').then(|| RecordAttachment { id: Some(id.to_owned()), name: Some(name.to_owned()), path: None })
}

/// Lists of people, channels, logs, canvases: records of a kind, with nothing that depends on them.
fn read_list(path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) {
    let kind = split(path).1.trim_end_matches(".json");
    read_json(input, &top_list, &mut |event| match event {
        JsonEvent::Value { json, bytes, line, .. } => {
            sink.rest_by_path(json, &|path, key, _| match (path, key) {
                ("", key) if SET_LATER.contains(&key) && json.path(&[key, "value"]).is_some() => Rest::Skip,
                _ => treat_list(key),
            });
            let place_own = |place: &mut RecordPlace| {
                place.workspace = workspace_of(path);
                place_of_list(kind, json, place);
            };
            sink.finish(bytes.len(), line, &place_own);
            for name in SET_LATER {
                let Some(set) = json.get(name) else { continue };
                sink.json(name, set.get("value"), Markup::Mrkdwn);
                // Counted with the list's.
                sink.finish(0, line, &|place| {
                    place_own(place);
                    place.author = set.text_of("creator").filter(|id| !id.is_empty()).map(Author::by_id);
                    let time = set.text_of("last_set").filter(|time| time != "0");
                    place.time = time.map(|time| super::time::parse(&time));
                });
            }
        }
        JsonEvent::Broken { bytes, offset, why } => sink.broken(bytes, offset, 0, why),
        JsonEvent::Enter { .. } | JsonEvent::Leave { .. } => {}
    });
}

/// What anybody may set of a channel, at any time.
const SET_LATER: [&str; 2] = ["topic", "purpose"];

fn treat_list(key: &str) -> Rest {
    match key {
        "avatar_hash" | "image_original" | "members" | "pins" => Rest::Skip,
        key if key.starts_with("image_") || key.starts_with("url_private") => Rest::Link,
        _ => Rest::Text(Markup::Mrkdwn),
    }
}

fn place_of_list(kind: &str, json: Json<'_>, place: &mut RecordPlace) {
    let author = match kind {
        "users" | "org_users" => json.text_of("id"),
        _ => json.text_of("creator").or_else(|| json.text_of("user_id")),
    };
    place.author = author.map(Author::by_id);
    place.record = json.text_of("id");
    if matches!(kind, "channels" | "groups" | "dms" | "mpims") {
        place.container =
            Some(RecordContainer { kind: "channel".to_owned(), id: json.text_of("id"), name: json.text_of("name") });
    }
    let time = json.text_of("date").or_else(|| json.text_of("created")).or_else(|| json.text_of("updated"));
    place.time = time.map(|time| super::time::parse(&time));
}
