//! `slackdump dump`: a file per channel, `C012345.json`, with a directory of its files beside it.
//!
//! Format: github.com/rusq/slackdump, `types/conversation.go` and its fixtures (read 2026-11).

use std::{collections::HashMap, sync::Mutex};

use super::{
    super::{
        input::Input,
        json::{Descend, JsonEvent, Path, keys, read_json},
        sink::Sink,
        system::{Detection, Export, Look, Opening, Reader, Reading, System, split},
    },
    message::{self, Messages, Site},
    names::{Names, Wanted},
};
use crate::{
    model::{RecordAttachment, RecordContainer, RecordPlace},
    source::crew::lock,
};

/// Channels that slackdump wrote one by one.
pub(in crate::source::export) struct Dump;

impl System for Dump {
    fn name(&self) -> &'static str {
        "slackdump-dump"
    }

    fn title(&self) -> &'static str {
        "Slack channels (slackdump)"
    }

    fn may_be_file(&self, name: &str, head: &[u8]) -> bool {
        is_channel_file(name) && memchr::memmem::find(head, b"\"channel_id\"").is_some()
    }

    fn marks(&self) -> &'static [&'static str] {
        &[]
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        let folders = super::by_folder(look.paths().filter(|path| is_channel_file(split(path).1)));
        let detection = |(root, here): (&str, Vec<&str>)| {
            let head = look.head(here.first()?);
            let keys = ["channel_id", "messages"];
            let is_there = |key: &&str| memchr::memmem::find(&head, format!("\"{key}\"").as_bytes()).is_some();
            let mut signs: Vec<String> = keys.into_iter().filter(is_there).map(|key| format!("key {key}")).collect();
            // Without the key of a channel it is any file with such a name.
            let is_dump = signs.len() == keys.len();
            signs.push(format!("{} files named by a channel's id", here.len()));
            is_dump.then(|| Detection { root: root.to_owned(), signs })
        };
        folders.into_iter().take(super::MAX_ROOTS).filter_map(detection).collect()
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(DumpReader {
            base_url: opening.options.base_url.clone(),
            domain: Mutex::default(),
            titles: Mutex::default(),
        })
    }
}

/// `C012345.json`, or a thread of it, `C012345-1234.5678.json`.
fn is_channel_file(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".json") else { return false };
    let id = stem.split(['-', '_']).next().unwrap_or_default();
    id.len() >= 8
        && id.starts_with(['C', 'D', 'G'])
        && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Messages are elements of the list at the top, or of `messages` in the document.
fn enter(path: &Path, is_list: bool) -> Descend {
    let mut keys = keys(path);
    match (keys.next(), keys.next(), is_list, path.len()) {
        (None, _, true, 0) | (Some("messages"), None, true, 1) => Descend::Enter,
        _ => Descend::Whole,
    }
}

fn enter_document(path: &Path, is_list: bool) -> Descend {
    if path.is_empty() { Descend::Enter } else { enter(path, is_list) }
}

struct DumpReader {
    base_url: Option<String>,
    /// The address in the smallest place of those that were seen.
    domain: Mutex<Option<(String, u64, String)>>,
    /// Names of channels by their ids.
    titles: Mutex<HashMap<String, String>>,
}

impl Reader for DumpReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        let (folder, name) = split(path);
        if !folder.is_empty() {
            return attachment(name).map_or(Reading::NotMine, Reading::Attachment);
        }
        if !is_channel_file(name) {
            return Reading::NotMine;
        }
        let id = name.trim_end_matches(".json").split(['-', '_']).next().unwrap_or_default().to_owned();
        let mut title = None;
        read_json(input, &enter_document, &mut |event| match event {
            JsonEvent::Value { path: at, json, bytes, line } => match keys(at).next() {
                Some("messages") => {
                    self.note_domain(path, json.offset(), bytes);
                    let replies = json.get("slackdump_thread_replies");
                    let all = std::iter::once(json).chain(replies.into_iter().flat_map(|list| list.elements()));
                    for (index, one) in all.enumerate() {
                        let bytes = if index == 0 { bytes.len() } else { 0 };
                        message::tell(one, (bytes, line), sink, &|place| {
                            place.container = Some(container(&id, title.as_deref()));
                        });
                    }
                }
                Some("name") => {
                    title = json.id();
                    lock(&self.titles).extend(title.clone().map(|title| (id.clone(), title)));
                }
                _ => {}
            },
            JsonEvent::Broken { bytes, offset, why } => {
                let place = |place: &mut RecordPlace| place.container = Some(container(&id, title.as_deref()));
                sink.broken_in((bytes, offset, 0), why, &place);
            }
            JsonEvent::Enter { .. } | JsonEvent::Leave { .. } => {}
        });
        Reading::Records
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        let fill = |path: &str, place: &mut RecordPlace| {
            let id = path.trim_end_matches(".json").split(['-', '_']).next().unwrap_or_default();
            place.container = Some(container(id, None));
        };
        let messages = Messages { is_file: &is_channel_file, enter: &enter_document, fill: &fill };
        message::find_attachments(export, places, &messages);
        message::merge_copies(places);
        let mut names = Names::default();
        names.read(export, &Wanted::of(places), &|path| {
            super::PEOPLE.contains(&path) || super::CHANNELS.contains(&path)
        });
        let seen = lock(&self.domain).as_ref().map(|(.., domain)| domain.clone());
        let site = self.base_url.as_deref().or(seen.as_deref()).map_or(Site::guess(None), Site::derived);
        let titles = lock(&self.titles);
        for place in places {
            if let Some(channel) = &mut place.container {
                channel.name = channel.name.take().or_else(|| titles.get(channel.id.as_ref()?).cloned());
            }
            place.workspace = place.workspace.take().or_else(|| names.workspace().map(str::to_owned));
            names.fill(place);
            message::link(place, &site);
        }
    }
}

impl DumpReader {
    fn note_domain(&self, path: &str, offset: u64, bytes: &[u8]) {
        if memchr::memmem::find(bytes, b".slack.com/files/").is_none() {
            return;
        }
        let text = String::from_utf8_lossy(bytes).replace("\\/", "/");
        if let Some(domain) = text.find(".slack.com/files/").and_then(|at| super::domain_in(&text[..at + 11])) {
            super::Domains::note(&mut lock(&self.domain), path, offset, domain);
        }
    }
}

fn container(id: &str, name: Option<&str>) -> RecordContainer {
    RecordContainer { kind: "channel".to_owned(), id: Some(id.to_owned()), name: name.map(str::to_owned) }
}

/// Files lie as `C012345/F0123-notes.txt`.
fn attachment(name: &str) -> Option<RecordAttachment> {
    let (id, name) = name.split_once('-')?;
    id.starts_with('F').then(|| RecordAttachment { id: Some(id.to_owned()), name: Some(name.to_owned()), path: None })
}
