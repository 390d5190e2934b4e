//! What an organisation allows and demands: deadlines, approvals, freeze windows, caps.

use serde::{Deserialize, Deserializer, Serialize};

use crate::model::Severity;

/// The policy, as a TOML file has it. Every key may be left out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Hours until containment and rotation, by severity.
    pub sla: Sla,
    /// Hours for which an approval counts.
    pub approval_hours: u32,
    /// Hours during which nobody may use the old credential before it is put out of use.
    pub observe_hours: u32,
    /// Hours between proof of death and deletion.
    pub grace_hours: u32,
    /// Most runs that may begin in an hour, over all credentials.
    pub runs_per_hour: u32,
    /// Most runs that may begin in an hour with one provider.
    pub runs_per_hour_and_provider: u32,
    /// Approvals that a plan for a privileged identity needs; others need one.
    pub approvals_if_privileged: u32,
    /// Windows in which no run begins or goes on, emergencies apart.
    pub freeze: Vec<Freeze>,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            sla: Sla::default(),
            approval_hours: 24,
            observe_hours: 24,
            grace_hours: 72,
            runs_per_hour: 20,
            runs_per_hour_and_provider: 10,
            approvals_if_privileged: 1,
            freeze: Vec::new(),
        }
    }
}

/// Hours from the first detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Until the old credential is out of use.
    pub contain: u32,
    /// Until the rotation is done.
    pub rotate: u32,
}

/// Deadlines by severity.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sla {
    /// Of critical credentials, and of any that are public or privileged.
    pub critical: Hours,
    /// Of high ones, and of low ones that are public or privileged.
    pub high: Hours,
    /// Of medium ones.
    pub medium: Hours,
    /// Of low ones.
    pub low: Hours,
}

impl Default for Sla {
    fn default() -> Sla {
        let days = |contain: u32, rotate: u32| Hours { contain: contain * 24, rotate: rotate * 24 };
        Sla { critical: Hours { contain: 1, rotate: 24 }, high: days(1, 3), medium: days(7, 7), low: days(30, 30) }
    }
}

impl Sla {
    /// The deadline for `severity`.
    #[must_use]
    pub fn of(&self, severity: Severity) -> Hours {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
        }
    }
}

/// A window in which nothing is rotated.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// First moment, RFC 3339.
    #[serde(deserialize_with = "time")]
    pub from: jiff::Timestamp,
    /// First moment after it, RFC 3339.
    #[serde(deserialize_with = "time")]
    pub until: jiff::Timestamp,
    /// Why.
    pub reason: String,
}

fn time<'de, D: Deserializer<'de>>(text: D) -> Result<jiff::Timestamp, D::Error> {
    String::deserialize(text)?.parse().map_err(serde::de::Error::custom)
}

/// Why a policy can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct PolicyError {
    /// Line, column and what is wrong there.
    pub message: String,
}

impl Policy {
    /// Reads a policy file's text.
    ///
    /// # Errors
    /// Text that is no TOML, an unknown key, a window that ends before it begins.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        let policy: Policy = toml::from_str(text).map_err(|error| PolicyError { message: error.to_string() })?;
        if let Some(freeze) = policy.freeze.iter().find(|freeze| freeze.until <= freeze.from) {
            let message = format!("the freeze window from {} ends at {}, before it begins", freeze.from, freeze.until);
            return Err(PolicyError { message });
        }
        Ok(policy)
    }

    /// The freeze window that `now_ms` falls into.
    #[must_use]
    pub fn frozen(&self, now_ms: i64) -> Option<&Freeze> {
        self.freeze
            .iter()
            .find(|freeze| (freeze.from.as_millisecond()..freeze.until.as_millisecond()).contains(&now_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::Policy;

    #[test]
    fn freeze_windows_are_half_open_and_checked() {
        let window =
            |from: &str, until: &str| format!("[[freeze]]\nfrom = {from:?}\nuntil = {until:?}\nreason = \"r\"\n");
        let policy = Policy::parse(&window("2026-12-20T00:00:00Z", "2026-12-27T00:00:00Z")).unwrap();
        let from = policy.freeze[0].from.as_millisecond();
        let until = policy.freeze[0].until.as_millisecond();
        assert!(policy.frozen(from).is_some() && policy.frozen(until).is_none() && policy.frozen(from - 1).is_none());
        assert!(Policy::parse(&window("2026-12-27T00:00:00Z", "2026-12-20T00:00:00Z")).is_err());
        assert!(Policy::parse("runs_per_huor = 1").is_err());
    }
}
