//! Systems of which nothing needs saying but how their files are recognised and what their records are like.

use std::collections::BTreeMap;

use super::{
    detect,
    layout::{Files, Records},
    system::{Detection, Look, Opening, Reader, System},
};

/// Such a system.
pub(super) struct Described {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// See [`System::marks`].
    pub(super) marks: &'static [&'static str],
    /// What in a file's first bytes says that it is such a file; fewer than two signs are none.
    pub(super) signs: fn(&[u8]) -> Vec<String>,
    /// The root of the export that a path is a file of, by its name; `None` if it isn't one that would be recognised. Without
    /// it, each file stands for itself, whatever it is called.
    pub(super) root: Option<fn(&str) -> Option<&str>>,
    pub(super) files: &'static Files,
}

/// Roots in one container that are looked at, and files of each.
const MAX_ROOTS: usize = 256;
const MAX_HEADS: usize = 4;

impl System for Described {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn marks(&self) -> &'static [&'static str] {
        self.marks
    }

    fn may_be_file(&self, name: &str, head: &[u8]) -> bool {
        // Every file that a scan meets is asked about: the first byte answers for most.
        let is_marked = matches!(head.trim_ascii_start().first(), Some(b'<' | b'='));
        let is_likely = is_json(head) || is_marked || name.ends_with(".csv");
        is_likely && (self.signs)(head).len() > 1
    }

    fn detect(&self, look: &Look<'_>) -> Vec<Detection> {
        if let Some(alone) = look.alone(self.signs) {
            let root = look.only().and_then(|only| self.root?(only)).map_or(alone.root, str::to_owned);
            return vec![Detection { root, signs: alone.signs }];
        }
        let Some(root_of) = self.root else {
            return detect::files(look, &is_of_records, &|_, head| (self.signs)(head));
        };
        let mut roots: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for path in look.paths() {
            if let Some(root) = root_of(path) {
                roots.entry(root).or_default().push(path);
            }
        }
        let detection = |(root, paths): (&str, Vec<&str>)| {
            let mut all = paths.iter().take(MAX_HEADS).map(|path| (self.signs)(&look.head(path)));
            let mut signs = all.find(|signs| signs.len() > 1)?;
            signs.push(match paths.len() {
                1 => "1 such file".to_owned(),
                count => format!("{count} such files"),
            });
            Some(Detection { root: root.to_owned(), signs })
        };
        roots.into_iter().take(MAX_ROOTS).filter_map(detection).collect()
    }

    fn open(&self, opening: &Opening<'_, '_>) -> Box<dyn Reader> {
        Box::new(self.reader(opening))
    }
}

impl Described {
    /// What reads such an export.
    pub(super) fn reader(&self, opening: &Opening<'_, '_>) -> Records {
        // Among others a file is known by its beginning alone; a single one may have been named as such by the user.
        let signs = if self.root.is_none() && opening.look.only().is_none() { Some(self.signs) } else { None };
        let records = Records::new(self.files, signs, opening.options.base_url.clone());
        match self.root {
            Some(root) => records.known_by(root, self.signs),
            None => records,
        }
    }
}

/// Is it the name of a file that may hold records?
fn is_of_records(path: &str) -> bool {
    let path = path.strip_suffix(".gz").unwrap_or(path);
    [".json", ".jsonl", ".ndjson", ".xml", ".csv", ".tsv"].iter().any(|end| path.ends_with(end))
}

/// Is there such a text?
pub(super) fn has(head: &[u8], text: &str) -> bool {
    memchr::memmem::find(head, text.as_bytes()).is_some()
}

/// Does it begin as JSON does?
pub(super) fn is_json(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    matches!(head.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// Keys of JSON as signs, if all are there.
pub(super) fn keys_in(head: &[u8], keys: &[&str]) -> Vec<String> {
    let is_there = is_json(head) && keys.iter().all(|key| has(head, &format!("\"{key}\"")));
    if is_there { keys.iter().map(|key| format!("key {key}")).collect() } else { Vec::new() }
}

/// The site in the first address that has `part` behind its host: `https://acme.example.com` of one with `/attachments/`.
pub(super) fn site_before(head: &[u8], part: &str) -> Option<String> {
    let text = String::from_utf8_lossy(head);
    let mut from = 0;
    while let Some(at) = text[from..].find(part) {
        let before = &text[..from + at];
        let start = before.rfind("https://").or_else(|| before.rfind("http://"));
        if let Some(site) = start.map(|start| &before[start..])
            && site.len() < 256
            && !site.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '?' | '#'))
        {
            return Some(site.to_owned());
        }
        from += at + part.len();
    }
    None
}
