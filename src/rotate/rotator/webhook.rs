use std::{io::Read as _, time::Duration};

use ureq::{
    Agent,
    config::Config,
    http::Uri,
    unversioned::{resolver::DefaultResolver, transport::DefaultConnector},
};

use super::{Outcome, Reconciled, Rotator, StepContext, World, proof};
use crate::rotate::{
    event::{CONTENT_TYPE, Event, EventKind},
    guard::{self, Guarded, Reach, Refusal},
    signature::{SigningKey, sign_with_all},
};

/// Most bytes of an answer that are read; what it says is not believed anyway.
const MAX_ANSWER: u64 = 64 * 1024;

/// Hands a rotation over to another system with one event per credential generation, and waits for proofs. That the other
/// system answers 200 proves that it took the event, and nothing else: whether the credential is dead an inventory or a person
/// must say.
#[derive(Clone, Debug)]
pub struct WebhookRotator {
    /// The `source` of events: which installation sends them.
    pub source: String,
}

impl Rotator for WebhookRotator {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn acts(&self, _: &StepContext<'_>) -> bool {
        false
    }

    fn perform(&self, at: &StepContext<'_>, world: &dyn World) -> Outcome {
        if let Some(proof) = proof(at, world) {
            return Outcome::Done(proof);
        }
        if at.plan.steps.first().is_some_and(|first| first.number == at.step.number) {
            return Outcome::HandedOver(Box::new(self.event(at)));
        }
        Outcome::Waiting(format!("the receiver of the event is to: {}", at.step.call))
    }

    fn reconcile(&self, at: &StepContext<'_>, world: &dyn World) -> Reconciled {
        // The event has the same id each time and the outbox takes an id once: handing over again is harmless.
        if proof(at, world).is_some() { Reconciled::Done } else { Reconciled::NotDone }
    }

    fn undo(&self, at: &StepContext<'_>, _: &dyn World) -> Outcome {
        // The same for each step: the receiver is told once that all of it is to be taken back.
        Outcome::HandedOver(Box::new(self.event_of(EventKind::RollbackRequested, at, at.run)))
    }
}

impl WebhookRotator {
    fn event(&self, at: &StepContext<'_>) -> Event {
        let subject = &at.plan.subject;
        let once = format!("{}/{}", subject.credential, subject.generation);
        self.event_of(EventKind::RotationRequested, at, &once)
    }

    fn event_of(&self, kind: EventKind, at: &StepContext<'_>, once: &str) -> Event {
        let subject = &at.plan.subject;
        let time = jiff::Timestamp::from_millisecond(at.now_ms).unwrap_or_default();
        let data = serde_json::json!({ "run": at.run, "plan_hash": at.plan_hash, "plan": at.plan });
        Event::new(kind, &self.source, (&subject.credential, once), time, data)
    }
}

/// What a receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It took the event.
    Accepted(u16),
    /// Try again, after that time at least.
    Later(String, Option<Duration>),
    /// It will never take it.
    Refused(String),
}

/// Sends events to one address.
pub struct Sender {
    agent: Agent,
    uri: Uri,
    keys: Vec<SigningKey>,
    timeout: Duration,
}

impl Sender {
    /// A sender to `address`, which signs with every one of `keys`.
    ///
    /// # Errors
    /// An address that must not be reached.
    pub fn new(address: &str, reach: Reach, keys: Vec<SigningKey>, timeout: Duration) -> Result<Sender, Refusal> {
        let uri = guard::check(address, reach)?;
        let config = Config::builder()
            .timeout_global(Some(timeout))
            // A redirect is an answer of the receiver, not an order to us.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent(concat!("unleak/", env!("CARGO_PKG_VERSION")))
            .build();
        let resolver = Guarded { reach, inner: DefaultResolver::default() };
        Ok(Sender { agent: Agent::with_parts(config, DefaultConnector::default(), resolver), uri, keys, timeout })
    }

    /// Sends an event once. The header `webhook-id` (and `idempotency-key`) is the event's id, the same in every attempt.
    ///
    /// # Errors
    /// An event that can't be serialised.
    pub fn send(&self, event: &Event, now_s: i64) -> Result<Answer, serde_json::Error> {
        let body = serde_json::to_vec(event)?;
        let answer = self
            .agent
            .post(&self.uri)
            .header("content-type", CONTENT_TYPE)
            .header("webhook-id", &event.id)
            .header("idempotency-key", &event.id)
            .header("webhook-timestamp", now_s.to_string())
            .header("webhook-signature", sign_with_all(&self.keys, &event.id, now_s, &body))
            .send(&body[..]);
        let mut response = match answer {
            Ok(response) => response,
            Err(ureq::Error::HostNotFound) => {
                return Ok(Answer::Later("its host has no address that may be reached".to_owned(), None));
            }
            Err(ureq::Error::Timeout(_)) => {
                return Ok(Answer::Later(format!("no answer within {} s", self.timeout.as_secs()), None));
            }
            Err(error) => return Ok(Answer::Later(error.to_string(), None)),
        };
        // Read to the end, within bounds, so that the receiver can finish.
        let mut rest = response.body_mut().as_reader().take(MAX_ANSWER);
        let _ = std::io::copy(&mut rest, &mut std::io::sink());
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(match response.status().as_u16() {
            status @ 200..=299 => Answer::Accepted(status),
            status @ 300..=399 => Answer::Refused(format!("status {status}: redirects are not followed")),
            status @ (408 | 425 | 429 | 500..=599) => {
                Answer::Later(format!("status {status}"), retry_after.map(Duration::from_secs))
            }
            410 => Answer::Refused("status 410: the receiver is gone".to_owned()),
            status => Answer::Refused(format!("status {status}")),
        })
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sender({})", self.uri.host().unwrap_or_default())
    }
}
