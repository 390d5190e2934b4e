use super::{
    Format, IMPORTERS, Importer, InventoryError, Reading, Shape,
    reader::{Fields, RecordPath, Redaction, read_json, read_table},
};

/// How much of a file is looked at to recognise it, in bytes.
pub const HEAD_BYTES: usize = 1 << 20;

/// What a file was taken for.
#[derive(Clone, Copy)]
pub struct Detection {
    /// Who reads it.
    pub importer: &'static Importer,
    /// In which notation it is.
    pub format: Format,
}

/// Recognises an export by its first [`HEAD_BYTES`]: the importer whose shape asks for the most fields that are there, two
/// at least. `name` is the file's, for messages and for formats that have no other mark (CODEOWNERS).
///
/// # Errors
/// If none knows it, or several know it equally well.
pub fn detect(name: &str, head: &[u8]) -> Result<Detection, InventoryError> {
    let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
    let file_name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let mut found: Vec<(usize, Detection)> = Vec::new();
    for importer in IMPORTERS {
        if let Some((score, format)) = score(importer, file_name, head) {
            found.push((score, Detection { importer, format }));
        }
    }
    let best = found.iter().map(|(score, _)| *score).max();
    let mut best = found.into_iter().filter(|(score, _)| Some(*score) == best).map(|(_, detection)| detection);
    let name = crate::model::Escaped(name.as_bytes()).to_string();
    match (best.next(), best.next()) {
        (None, _) if is_cut_off(head) => Err(InventoryError::CutOff { name }),
        (None, _) => Err(InventoryError::Unrecognised { name }),
        (Some(one), None) => Ok(one),
        (Some(one), Some(two)) => {
            let names: Vec<_> = [one, two].into_iter().chain(best).map(|found| found.importer.name).collect();
            Err(InventoryError::Ambiguous { name, candidates: names.join(" or ") })
        }
    }
}

/// JSON, all of it at hand, that doesn't come to its end.
fn is_cut_off(head: &[u8]) -> bool {
    let mut documents = serde_json::Deserializer::from_slice(head).into_iter::<serde::de::IgnoredAny>();
    let is_short = head.len() < HEAD_BYTES && notation(head) == Format::Json;
    is_short && documents.any(|document| document.is_err_and(|error| error.is_eof()))
}

/// The notation in which an importer that the user chose is to read a file: the one whose shape fits, else what the file
/// looks like.
pub(super) fn format_for(importer: &Importer, name: &str, head: &[u8]) -> Format {
    score(importer, name, head).map_or_else(|| notation(head), |(_, format)| format)
}

fn score(importer: &Importer, name: &str, head: &[u8]) -> Option<(usize, Format)> {
    if let Reading::Text(_, is_such) = importer.reading {
        let text = String::from_utf8_lossy(head);
        return is_such(name, &text).then_some((2, Format::Text));
    }
    let notation = notation(head);
    let shapes = importer.shapes.iter().filter(|shape| shape.format == notation && !shape.fields.is_empty());
    let mut best = None;
    for shape in shapes {
        let fits = match notation {
            Format::Json => json_fits(importer, shape, head),
            Format::Table => table_fits(shape, head),
            Format::Yaml => shape.fields.iter().all(|field| has(&yaml_top(head), field)),
            Format::Text => false,
        };
        if fits {
            best = best.max(Some(shape.fields.len()));
        }
    }
    best.map(|score| (score, notation))
}

fn notation(head: &[u8]) -> Format {
    let text = head.trim_ascii_start();
    if text.starts_with(b"{") || text.starts_with(b"[") {
        return Format::Json;
    }
    let first = text.split(|byte| *byte == b'\n').find(|line| !line.starts_with(b"#") && !line.trim_ascii().is_empty());
    let first = first.unwrap_or_default();
    let is_yaml = first.starts_with(b"---") || first.starts_with(b"- ") || yaml_key(first).is_some();
    if is_yaml { Format::Yaml } else { Format::Table }
}

/// `key:` at the beginning of a line, without a comma before the colon.
fn yaml_key(line: &[u8]) -> Option<&[u8]> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./".contains(byte);
    let ends = matches!(line.get(colon + 1), None | Some(b' ' | b'\r' | b'\t'));
    (colon > 0 && ends && line[..colon].iter().all(is_name)).then_some(&line[..colon])
}

/// Keys and scalars of the first document's top, or of the first record of a list there, by a look at its lines: a head is cut
/// off somewhere, and half a document is no YAML.
fn yaml_top(head: &[u8]) -> Fields {
    let text = String::from_utf8_lossy(head);
    let mut fields = serde_json::Map::new();
    // How far the keys of a list's records are indented.
    let mut indent = None;
    for line in text.lines() {
        let is_next = line.starts_with("---") || (indent.is_some() && line.starts_with('-'));
        if is_next && !fields.is_empty() {
            break;
        }
        let line = match (line.strip_prefix('-'), indent) {
            (Some(item), _) if fields.is_empty() && item.starts_with(' ') => {
                let key = item.trim_start();
                indent = Some(line.len() - key.len());
                key
            }
            (_, Some(indent)) => match line.split_at_checked(indent) {
                Some((before, rest)) if before.trim().is_empty() => rest,
                _ => continue,
            },
            (_, None) => line,
        };
        let Some(key) = yaml_key(line.as_bytes()) else { continue };
        let value = line[key.len() + 1..].trim().trim_matches(['"', '\'']);
        let value = if value.is_empty() { serde_json::Value::Bool(true) } else { value.into() };
        fields.entry(String::from_utf8_lossy(key).into_owned()).or_insert(value);
    }
    Fields(serde_json::Value::Object(fields))
}

fn has(fields: &Fields, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((name, start)) => fields.text(name).is_some_and(|text| text.starts_with(start)),
        None => fields.get(wanted).is_some() || is_null_field(fields, wanted),
    }
}

/// A field that is there, if only as null: a shape is known by names, not by values.
fn is_null_field(fields: &Fields, name: &str) -> bool {
    fields.0.as_object().is_some_and(|fields| fields.contains_key(name))
}

fn json_fits(importer: &Importer, shape: &Shape, head: &[u8]) -> bool {
    let paths = [RecordPath::parse(shape.path)];
    let redaction = Redaction { fields: importer.secrets, public: importer.public, ..Redaction::new(None) };
    let (mut fits, mut looked_at) = (false, 0);
    // The first few records tell; an error ends the reading.
    let _ = read_json(head, &paths, &redaction, &mut |_, _, fields| {
        fits = shape.fields.iter().all(|wanted| has(&fields, wanted));
        looked_at += 1;
        if fits || looked_at == 50 { Err(InventoryError::Taker(String::new())) } else { Ok(()) }
    });
    fits
}

fn table_fits(shape: &Shape, head: &[u8]) -> bool {
    let header = first_line(head);
    let delimiter = delimiter(head);
    // A row of the header's own cells (and one more, lest it be taken for the header again), so that names can be asked for.
    let twice = [header, b"\n", header, &[delimiter], b"\n"].concat();
    let mut fits = false;
    let _ = read_table(&twice[..], delimiter, &Redaction::new(None), &mut |_, _, fields| {
        fits = shape.fields.iter().all(|wanted| is_null_field(&fields, wanted));
        Ok(())
    });
    fits
}

/// Whatever ends lines in it.
fn first_line(head: &[u8]) -> &[u8] {
    head.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default()
}

/// What stands most often in the header line.
pub(super) fn delimiter(head: &[u8]) -> u8 {
    let line = first_line(head);
    let count = |delimiter: u8| line.iter().filter(|byte| **byte == delimiter).count();
    [b'|', b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::yaml_top;

    #[test]
    fn the_top_of_yaml_is_that_of_its_first_record() {
        for (text, keys) in [
            ("---\n# c\na: 1\nb:\n  c: 2\n- d: 3\n", "a b"),
            ("- a: 1\n  b: x\n  c:\n    d: 2\n- e: 3\n", "a b c"),
            ("-   a: 1\n    b:\n      - c: 2\n    d: 3\n", "a b d"),
            ("---\n- a: 1\n  b: 2\n---\nc: 3\n", "a b"),
            ("- a\n- b\n", ""),
        ] {
            let fields = yaml_top(text.as_bytes());
            let found: Vec<&str> = fields.0.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(found.join(" "), keys, "{text}");
        }
    }
}
