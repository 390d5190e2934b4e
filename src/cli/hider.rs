use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

use crate::{
    engine::Scanner,
    model::{DisplayPath, ScanReport},
    report::{ReportOptions, without_secrets},
};

/// Hides secrets in messages: somebody names a file after one, and the message names the file.
#[derive(Default)]
pub(super) struct Hider {
    /// Made for the first message: most runs have none.
    scanner: OnceLock<Scanner>,
}

impl Hider {
    /// A message without secrets.
    pub(super) fn hide(&self, message: &str) -> String {
        let hidden = self.scanner.get_or_init(Scanner::builtin).secrets_in_message(message);
        without_secrets(message, &ScanReport { hidden, ..ScanReport::default() }, &ReportOptions::default())
    }

    /// A path as it may be shown.
    pub(super) fn path(&self, path: &Path) -> PathBuf {
        self.hide(&DisplayPath(path).to_string()).into()
    }
}
