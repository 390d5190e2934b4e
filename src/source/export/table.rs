//! Tables with a header: cells by the name of their column.

use super::{
    csv::{CsvEvent, Row, dialect, read_csv},
    input::Input,
    sink::Sink,
};

/// The names of a table's columns; a name may come more than once.
#[derive(Clone, Debug, Default)]
pub(super) struct Header(Vec<String>);

impl Header {
    /// The columns that the first line of `head` names; for recognising, so only as good as that.
    pub(super) fn in_head(head: &[u8]) -> Header {
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        let (separator, said) = dialect(head);
        let head = &head[said..];
        let line = &head[..memchr::memchr2(b'\n', b'\r', head).unwrap_or(head.len())];
        let names = line.split(|byte| *byte == separator);
        Header(names.map(|name| String::from_utf8_lossy(name).trim().trim_matches('"').to_owned()).collect())
    }

    /// The columns among `names` that the table has.
    pub(super) fn among<'n>(&self, names: &[&'n str]) -> Vec<&'n str> {
        names.iter().copied().filter(|name| self.has(name)).collect()
    }

    /// Is there such a column?
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    /// The first column's name.
    pub(super) fn first(&self) -> &str {
        self.name(0)
    }

    /// A column's name; empty if it has none.
    pub(super) fn name(&self, index: usize) -> &str {
        self.0.get(index).map_or("", String::as_str)
    }

    /// What a row has in the first column of that name that isn't empty there; nothing if it may be no row.
    pub(super) fn get(&self, row: &Row<'_>, name: &str) -> Option<String> {
        if !row.is_sure {
            return None;
        }
        let named = self.0.iter().enumerate().filter(|(_, own)| own.eq_ignore_ascii_case(name));
        named.map(|(index, _)| row.text(index)).find(|text| !text.is_empty()).map(std::borrow::Cow::into_owned)
    }
}

/// Reads the rows of a table; the header itself comes first, with no names. What is no row is scanned as it is.
pub(super) fn read_table(
    input: &mut Input<'_>,
    sink: &mut Sink<'_>,
    each: &mut dyn FnMut(&Header, &Row<'_>, &mut Sink<'_>),
) {
    let mut header = None;
    read_csv(input, &mut |event| match event {
        CsvEvent::Row(row) => match &header {
            Some(header) => each(header, &row, sink),
            None => {
                each(&Header::default(), &row, sink);
                header = Some(names(&row));
            }
        },
        CsvEvent::Broken { bytes, offset, line, why } => {
            // What stands below isn't the header.
            header.get_or_insert_default();
            sink.broken(bytes, offset, line, why);
        }
    });
}

/// Reads the rows below the header again, for what is in them.
pub(super) fn look_up(input: &mut Input<'_>, each: &mut dyn FnMut(&Header, &Row<'_>)) {
    let mut header = None;
    read_csv(input, &mut |event| match (event, &header) {
        (CsvEvent::Row(row), Some(header)) => each(header, &row),
        (CsvEvent::Row(row), None) => header = Some(names(&row)),
        (CsvEvent::Broken { .. }, _) => drop(header.get_or_insert_default()),
    });
}

fn names(row: &Row<'_>) -> Header {
    Header((0..row.len()).map(|index| row.text(index).trim().to_owned()).collect())
}
