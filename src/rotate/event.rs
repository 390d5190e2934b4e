//! Events for other systems: CloudEvents 1.0 in JSON.
//!
//! Source: CloudEvents specification 1.0.2, "JSON Event Format" (structured content mode).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The content type of a structured event.
pub const CONTENT_TYPE: &str = "application/cloudevents+json; charset=UTF-8";

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A credential is to be rotated: one event per credential and generation.
    RotationRequested,
    /// A rotation that was requested is to be taken back: one event per run.
    RollbackRequested,
    /// A run came to another state.
    RunStateChanged,
    /// A plan was made.
    PlanCreated,
    /// A deadline passed.
    SlaBreached,
}

impl EventKind {
    /// The `type` of the event.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            EventKind::RotationRequested => "nhi.rotation.requested",
            EventKind::RollbackRequested => "nhi.rotation.rollback_requested",
            EventKind::RunStateChanged => "nhi.run.state_changed",
            EventKind::PlanCreated => "nhi.plan.created",
            EventKind::SlaBreached => "nhi.sla.breached",
        }
    }
}

/// One event. None of its fields may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Always `1.0`.
    pub specversion: String,
    /// The same for the same thing, however often it is told: consumers drop what they have seen.
    pub id: String,
    /// Which installation says so, as a URI reference.
    pub source: String,
    /// See [`EventKind::as_str`].
    #[serde(rename = "type")]
    pub kind: String,
    /// Id of the credential or run.
    pub subject: String,
    /// When, RFC 3339.
    pub time: String,
    /// Always `application/json`.
    pub datacontenttype: String,
    /// What there is to say.
    pub data: Value,
}

impl Event {
    /// An event about a subject and, beside it, `once`, which names the thing told, such as a credential with its generation: the id is a digest of it
    /// and of the kind.
    #[must_use]
    pub fn new(
        kind: EventKind,
        source: &str,
        (subject, once): (&str, &str),
        time: jiff::Timestamp,
        data: Value,
    ) -> Event {
        let mut digest = Sha256::new();
        for part in [kind.as_str(), source, once] {
            digest.update(part.as_bytes());
            digest.update(b"\0");
        }
        Event {
            specversion: "1.0".to_owned(),
            id: format!("evt_{}", &data_encoding::HEXLOWER.encode(&digest.finalize())[..32]),
            source: source.to_owned(),
            kind: kind.as_str().to_owned(),
            subject: subject.to_owned(),
            time: time.to_string(),
            datacontenttype: "application/json".to_owned(),
            data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, EventKind};

    #[test]
    fn the_same_thing_has_the_same_id_at_any_time() {
        let event = |once: &str, second| {
            let time = jiff::Timestamp::from_second(second).unwrap();
            Event::new(EventKind::RotationRequested, "/unleak", ("cred", once), time, serde_json::json!({}))
        };
        assert_eq!(event("cred/1", 1).id, event("cred/1", 2).id);
        assert_ne!(event("cred/1", 1).id, event("cred/2", 1).id);
    }
}
