//! `slackdump archive`: a file per channel of JSON lines, one for each answer of Slack's API.
//!
//! Format: github.com/rusq/slackdump, `internal/chunk/chunk.go` and its fixtures (read 2026-11).

use std::sync::Mutex;

use super::{
    super::{
        input::Input,
        json::{Descend, Json, JsonEvent, Path, read_json},
        markup::Markup,
        sink::{Rest, Sink},
        system::{Detection, Export, Look, Opening, Reader, Reading, System, split},
    },
    message::{self, Messages, Site},
    names::{Names, Wanted},
};
use crate::{
    model::{RecordAttachment, RecordContainer, RecordPlace},
    source::crew::lock,
};

/// What slackdump archived.
pub(in crate::source::export) struct Chunks;

impl System for Chunks {
    fn name(&self) -> &'static str {
        "slackdump-chunks"
    }

    fn title(&self) -> &'static str {
        "Slack archive (slackdump)"
    }

    fn may_be_file(&self, _: &str, head: &[u8]) -> bool {
        is_chunk(head)
    }

    fn marks(&self) -> &'static [&'static str] {
        &["workspace.json.gz", "users.json.gz", "channels.json.gz"]
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        let folders = super::by_folder(look.paths().filter(|path| is_chunk_file(path)));
        let detection = |(root, here): (&str, Vec<&str>)| {
            let mut signs = Vec::new();
            if here.iter().any(|path| split(path).1.starts_with("workspace.json")) {
                signs.push("workspace.json.gz".to_owned());
            }
            if here.iter().take(4).any(|path| is_chunk(&look.head(path))) {
                signs.push("JSON lines with the keys t, ts and id of slackdump".to_owned());
                signs.push(format!("{} such files", here.len()));
            }
            (signs.len() >= 2).then(|| Detection { root: root.to_owned(), signs })
        };
        folders.into_iter().take(super::MAX_ROOTS).filter_map(detection).collect()
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(ChunkReader { base_url: opening.options.base_url.clone(), workspace: Mutex::default() })
    }
}

fn is_chunk_file(path: &str) -> bool {
    [".json.gz", ".jsonl", ".jsonl.gz"].iter().any(|end| path.ends_with(end))
}

fn is_chunk(head: &[u8]) -> bool {
    let Some(rest) = head.strip_prefix(b"{\"t\":") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=2).contains(&digits) && rest[digits..].starts_with(b",\"ts\":")
}

/// The workspace: its address, its id.
type Workspace = (Option<String>, Option<String>);

struct ChunkReader {
    base_url: Option<String>,
    workspace: Mutex<Option<Workspace>>,
}

/// Lines are told as a whole.
fn lines(_: &Path, _: bool) -> Descend {
    Descend::Whole
}

impl Reader for ChunkReader {
    fn read(&self, path: &str, input: &mut Input<'_>, sink: &mut Sink<'_>) -> Reading {
        let (folder, name) = split(path);
        if !folder.is_empty() || !name.contains(".json") {
            return attachment(path).map_or(Reading::NotMine, Reading::Attachment);
        }
        read_json(input, &lines, &mut |event| match event {
            JsonEvent::Value { json, bytes, line, .. } => self.chunk(json, bytes.len(), line, sink),
            JsonEvent::Broken { bytes, offset, why } => {
                sink.broken_in((bytes, offset, 0), why, &|place| place.container = container_of(name));
            }
            JsonEvent::Enter { .. } | JsonEvent::Leave { .. } => {}
        });
        Reading::Records
    }

    fn is_own(&self, _: &str, input: &mut Input<'_>) -> bool {
        is_chunk(input.peek(64))
    }

    fn resolve(&self, export: &Export<'_>, places: &mut [&mut RecordPlace]) {
        let is_chunks = |path: &str| !path.contains('/') && path.contains(".json");
        let fill = |path: &str, place: &mut RecordPlace| place.container = container_of(path);
        let messages = Messages { is_file: &is_chunks, enter: &lines, fill: &fill };
        message::find_attachments(export, places, &messages);
        message::merge_copies(places);
        let wanted = Wanted::of(places);
        let mut names = Names::default();
        export.read(&is_chunks, &mut |_, input| {
            read_json(input, &lines, &mut |event| {
                let JsonEvent::Value { json, .. } = event else { return };
                if let Some(channel) = json.get("ci") {
                    names.channel(channel, ("", ""), &wanted);
                }
                elements(json, "ch").for_each(|channel| names.channel(channel, ("", ""), &wanted));
                elements(json, "u").for_each(|person| names.person(person, &wanted));
            });
        });
        let workspace = lock(&self.workspace).clone();
        let told = workspace.as_ref().and_then(|(url, _)| url.clone()).filter(|url| url.starts_with("https://"));
        let site = match (&self.base_url, &told) {
            (Some(base), _) => Site::derived(base),
            (None, Some(url)) => Site::exact(url),
            (None, None) => Site::guess(None),
        };
        for place in places {
            names.fill(place);
            if let Some((_, Some(team))) = &workspace {
                place.workspace = Some(team.clone());
            }
            message::link(place, &site);
        }
    }
}

impl ChunkReader {
    fn chunk(&self, json: Json<'_>, bytes: usize, line: u64, sink: &mut Sink<'_>) {
        let channel = json.text_of("id");
        let place = |place: &mut RecordPlace| place.container = channel.as_deref().map(container);
        if let Some(workspace) = json.get("w") {
            *lock(&self.workspace) = Some((workspace.text_of("url"), workspace.text_of("team_id")));
        }
        for one in elements(json, "m") {
            message::tell(one, (one.stored().len(), line), sink, &place);
        }
        let parent = json.get("p").filter(Json::is_object);
        if let Some(parent) = parent {
            message::tell_copy(parent, line, sink, &place);
        }
        // What stands beside the messages of a line: channels, people, files.
        let messages = elements(json, "m").map(|one| one.stored().len()).sum::<usize>();
        sink.rest_by_path(json, &|path, key, _| match (path, key) {
            ("", "m") => Rest::Skip,
            ("", "p") if parent.is_some() => Rest::Skip,
            (_, key) => treat(key),
        });
        sink.finish(bytes.saturating_sub(messages), line, &place);
    }
}

fn treat(key: &str) -> Rest {
    match key {
        "avatar_hash" | "cu" | "members" => Rest::Skip,
        key if key.starts_with("image_") || key.starts_with("url_private") || key.starts_with("thumb_") => Rest::Link,
        _ => Rest::Text(Markup::Mrkdwn),
    }
}

fn elements<'t>(json: Json<'t>, key: &str) -> impl Iterator<Item = Json<'t>> + use<'t> {
    json.get(key).into_iter().flat_map(|list| list.elements())
}

/// Files of messages are called by their channel.
fn container_of(name: &str) -> Option<RecordContainer> {
    name.split('.').next().filter(|id| id.starts_with(['C', 'D', 'G'])).map(container)
}

fn container(id: &str) -> RecordContainer {
    RecordContainer { kind: "channel".to_owned(), id: Some(id.to_owned()), name: None }
}

/// Files lie as `__uploads/F0123/notes.txt`.
fn attachment(path: &str) -> Option<RecordAttachment> {
    super::attachment(path)
}
