use serde::Serialize;
use serde_json::json;

use super::{AuditEntry, StoreError, Transaction, Value};

/// The life of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// Found, and nothing done yet.
    Open,
    /// It is known whose credential it is.
    Linked,
    /// Its credential is being replaced.
    Rotating,
    /// Dealt with: the credential is dead.
    Resolved,
    /// Somebody said that it is none, or doesn't matter; perhaps until a day.
    Dismissed,
    /// The risk is carried by somebody until a day.
    Excepted,
    /// It was resolved and has come (back) somewhere.
    Regressed,
}

impl FindingState {
    /// All states.
    pub const ALL: [FindingState; 7] = [
        FindingState::Open,
        FindingState::Linked,
        FindingState::Rotating,
        FindingState::Resolved,
        FindingState::Dismissed,
        FindingState::Excepted,
        FindingState::Regressed,
    ];

    /// The lowercase name used in stores, flags and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            FindingState::Open => "open",
            FindingState::Linked => "linked",
            FindingState::Rotating => "rotating",
            FindingState::Resolved => "resolved",
            FindingState::Dismissed => "dismissed",
            FindingState::Excepted => "excepted",
            FindingState::Regressed => "regressed",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<FindingState> {
        FindingState::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// May a finding go from this state to `next`? The store refuses what isn't listed here.
    #[must_use]
    pub fn may_become(self, next: FindingState) -> bool {
        use FindingState::{Dismissed, Excepted, Linked, Open, Regressed, Resolved, Rotating};
        match self {
            Open => matches!(next, Linked | Rotating | Resolved | Dismissed | Excepted),
            Linked => matches!(next, Open | Rotating | Resolved | Dismissed | Excepted),
            Rotating => matches!(next, Linked | Open | Resolved),
            Resolved => matches!(next, Regressed | Open),
            Dismissed => next == Open,
            Excepted => matches!(next, Open | Resolved),
            Regressed => matches!(next, Open | Linked | Rotating | Resolved | Dismissed | Excepted),
        }
    }

    /// Must somebody still do something about it?
    #[must_use]
    pub fn is_unresolved(self) -> bool {
        matches!(self, FindingState::Open | FindingState::Linked | FindingState::Rotating | FindingState::Regressed)
    }
}

/// A change of a finding's state.
#[derive(Clone, Debug)]
pub struct StateChange {
    /// The state to go to.
    pub to: FindingState,
    /// Why, in words; needed to dismiss or except.
    pub reason: Option<String>,
    /// Until when, in milliseconds since 1970; needed to except. Afterwards it is open again.
    pub until_ms: Option<i64>,
}

/// A change of state of a finding whose state is known: read in this transaction, and locked.
#[derive(Clone, Debug)]
pub struct FindingMove {
    /// Its id.
    pub finding: String,
    /// Its state now: neither dismissed nor excepted.
    pub from: FindingState,
    /// What it becomes, with the reason.
    pub change: StateChange,
}

impl FindingMove {
    /// What the audit log says of it.
    #[must_use]
    pub fn event(&self) -> AuditEntry {
        changed_event(&self.finding, self.from.as_str(), &self.change)
    }
}

impl Transaction<'_> {
    /// Changes the states of several findings, each once, in a few statements. Who calls this logs [`FindingMove::event`] of
    /// each. Exceptions are [`Transaction::change_finding`]'s.
    ///
    /// # Errors
    /// As [`Transaction::change_finding`].
    pub fn move_findings(&mut self, moves: &[FindingMove]) -> Result<(), StoreError> {
        let (now, actor) = (self.now(), self.actor().to_owned());
        let mut rows = Vec::with_capacity(moves.len());
        for step in moves {
            check_edge(step.from.as_str(), step.change.to)?;
            rows.push(vec![
                Value::from(&step.finding),
                step.from.as_str().into(),
                step.change.to.as_str().into(),
                step.change.reason.as_deref().into(),
                step.change.until_ms.into(),
                actor.as_str().into(),
                now.into(),
            ]);
        }
        let changed = self.execute_rows(
            "WITH moved (id, former, state, reason, until_at, actor, at) AS (VALUES {rows})
             UPDATE finding SET state = moved.state, state_reason = moved.reason, state_actor = moved.actor,
                state_at = moved.at, state_until_at = moved.until_at, updated_at = moved.at, version = finding.version + 1
             FROM moved WHERE finding.id = moved.id AND finding.state = moved.former",
            &rows,
        )?;
        if changed == moves.len() as u64 {
            return Ok(());
        }
        Err(StoreError::Missing("findings were changed by somebody else".to_owned()))
    }
}

/// May a finding in state `from` get into that one?
pub(super) fn check_edge(from: &str, to: FindingState) -> Result<(), StoreError> {
    if FindingState::from_name(from).is_some_and(|from| from.may_become(to)) {
        return Ok(());
    }
    // Dismissals and exceptions are taken back before something else is said.
    let way = if matches!(from, "dismissed" | "excepted") { ": it must be reopened first" } else { "" };
    Err(StoreError::Refused(format!("a finding that is {from} can't become {}{way}", to.as_str())))
}

pub(super) fn changed_event(id: &str, from: &str, change: &StateChange) -> AuditEntry {
    AuditEntry {
        action: format!("finding.{}", change.to.as_str()),
        subject: format!("finding:{id}"),
        data: json!({ "from": from, "to": change.to, "reason": change.reason, "until": change.until_ms }),
    }
}
