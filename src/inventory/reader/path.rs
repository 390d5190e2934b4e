/// A way from the top of a document to records: `Keys[]`, `data.key_info.*`, `[]`, or nothing for the document itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The value of this key.
    Key(String),
    /// The value of any key.
    AnyKey,
    /// Each element of an array.
    Each,
}

impl RecordPath {
    pub(crate) fn parse(text: &str) -> RecordPath {
        let mut steps = Vec::new();
        for part in text.split('.').filter(|part| !part.is_empty()) {
            let name = part.trim_end_matches("[]");
            match name {
                "" => {}
                "*" => steps.push(Step::AnyKey),
                name => steps.push(Step::Key(name.to_owned())),
            }
            steps.extend(std::iter::repeat_n(Step::Each, (part.len() - name.len()) / 2));
        }
        RecordPath(steps)
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{RecordPath, Step};

    #[test]
    fn paths_are_read() {
        let key = |name: &str| Step::Key(name.to_owned());
        assert_eq!(RecordPath::parse("").0, []);
        assert_eq!(RecordPath::parse("[]").0, [Step::Each]);
        assert_eq!(RecordPath::parse("a[].b").0, [key("a"), Step::Each, key("b")]);
        assert_eq!(RecordPath::parse("a.*").0, [key("a"), Step::AnyKey]);
    }
}
