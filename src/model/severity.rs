use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How much harm a live credential of this type can do. Independent of how sure we are that it is one (the score).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Little harm: a write-only or rate-limited key.
    Low,
    /// Limited harm: one service, reading mostly.
    Medium,
    /// Serious harm: write access, personal data or money.
    High,
    /// Control over infrastructure, code or payments.
    Critical,
}

impl Severity {
    /// All values, lowest first.
    pub const ALL: [Severity; 4] = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    /// The lowercase name used in files, flags and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Severity::ALL
            .into_iter()
            .find(|severity| severity.as_str() == text)
            .ok_or_else(|| format!("`{text}` is not a severity: use low, medium, high or critical"))
    }
}
