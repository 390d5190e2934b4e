//! Makes the tables of how words are spelled (`src/engine/generic/triples.bin`, `words.txt`) from texts.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::engine::TripleCounts;

/// How many words are kept, the most frequent ones.
const MOST_WORDS: usize = 6_000;

/// What texts teach about spelling.
#[derive(Debug, Default)]
pub struct Lexicon {
    triples: TripleCounts,
    words: HashMap<Vec<u8>, u64>,
}

impl Lexicon {
    /// Reads every HTML, Markdown and text file below `dir`, in the order of paths. Returns how many bytes of text that was.
    ///
    /// # Errors
    /// The first file or directory that can't be read.
    pub fn read(&mut self, dir: &Path) -> io::Result<u64> {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(dir)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
        entries.sort();
        let mut bytes = 0;
        for path in entries {
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            if path.is_dir() {
                bytes += self.read(&path)?;
            } else if matches!(extension, "html" | "md" | "txt") {
                let text = fs::read(&path)?;
                let text = if extension == "html" { without_tags(&text) } else { text };
                bytes += text.len() as u64;
                self.triples.add(&text);
                self.count_words(&text);
            }
        }
        Ok(bytes)
    }

    fn count_words(&mut self, text: &[u8]) {
        let mut start = 0;
        for at in 0..=text.len() {
            let is_letter = |at: usize| text.get(at).is_some_and(u8::is_ascii_alphabetic);
            let camel = at > 0 && at < text.len() && text[at - 1].is_ascii_lowercase() && text[at].is_ascii_uppercase();
            if is_letter(at) && !camel {
                continue;
            }
            if (3..=16).contains(&(at - start)) {
                *self.words.entry(text[start..at].to_ascii_lowercase()).or_default() += 1;
            }
            start = if is_letter(at) { at } else { at + 1 };
        }
    }

    /// The table of triples and the list of words, as they are embedded.
    #[must_use]
    pub fn into_tables(self) -> (Vec<u8>, String) {
        let mut words: Vec<(Vec<u8>, u64)> = self.words.into_iter().collect();
        words.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        words.truncate(MOST_WORDS);
        words.sort();
        let list = words.iter().map(|(word, _)| String::from_utf8_lossy(word) + "\n").collect();
        (self.triples.table(), list)
    }
}

/// The text of an HTML page, without scripts, styles and tags.
fn without_tags(page: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(page.len() / 2);
    let mut rest = page;
    while let Some(open) = memchr::memchr(b'<', rest) {
        text.extend(&rest[..open]);
        text.push(b' ');
        let tag = &rest[open..];
        let closing: &[u8] = match tag {
            _ if tag.starts_with(b"<script") => b"</script>",
            _ if tag.starts_with(b"<style") => b"</style>",
            _ => b">",
        };
        rest = memchr::memmem::find(tag, closing).map_or(&[], |end| &tag[end + closing.len()..]);
    }
    text.extend(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::without_tags;

    #[test]
    fn tags_and_scripts_are_left_out() {
        assert_eq!(without_tags(b"a<b>c</b><script>if (1<2)</script>d<br"), b"a c  d ");
    }
}
