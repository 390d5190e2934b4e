use serde::Serialize;

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
