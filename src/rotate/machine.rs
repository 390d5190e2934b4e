//! The states of a rotation and the ways between them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// Makes the new credential.
    Create,
    /// Brings it to its consumers.
    Distribute,
    /// Proves that it works.
    VerifyNew,
    /// Waits until nobody uses the old one.
    Observe,
    /// Puts the old one out of use, reversibly.
    Deactivate,
    /// Proves the old one dead.
    VerifyDead,
    /// Waits in case somebody must go back.
    Grace,
    /// Ends the old one for good.
    Delete,
}

impl Op {
    /// All, in the order of a rotation without haste.
    pub const ALL: [Op; 8] =
        [Op::Create, Op::Distribute, Op::VerifyNew, Op::Observe, Op::Deactivate, Op::VerifyDead, Op::Grace, Op::Delete];

    /// The name used in plans, events and the store.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Op::Create => "create",
            Op::Distribute => "distribute",
            Op::VerifyNew => "verify-new",
            Op::Observe => "observe",
            Op::Deactivate => "deactivate",
            Op::VerifyDead => "verify-dead",
            Op::Grace => "grace",
            Op::Delete => "delete",
        }
    }

    /// The op of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Op> {
        Op::ALL.into_iter().find(|op| op.as_str() == name)
    }

    /// The state of a run that is at such a step.
    #[must_use]
    pub fn state(self) -> State {
        match self {
            Op::Create => State::Creating,
            Op::Distribute => State::Distributing,
            Op::VerifyNew => State::VerifyingNew,
            Op::Observe => State::Observing,
            Op::Deactivate => State::Deactivating,
            Op::VerifyDead => State::VerifyingDead,
            Op::Grace => State::Grace,
            Op::Delete => State::Deleting,
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the field's own words")]
pub enum State {
    Pending,
    Creating,
    Distributing,
    VerifyingNew,
    Observing,
    Deactivating,
    VerifyingDead,
    Grace,
    Deleting,
    Done,
    Paused,
    FailedRetryable,
    ManualAction,
    RollingBack,
    RolledBack,
    Cancelled,
}

impl State {
    /// All states.
    pub const ALL: [State; 16] = [
        State::Pending,
        State::Creating,
        State::Distributing,
        State::VerifyingNew,
        State::Observing,
        State::Deactivating,
        State::VerifyingDead,
        State::Grace,
        State::Deleting,
        State::Done,
        State::Paused,
        State::FailedRetryable,
        State::ManualAction,
        State::RollingBack,
        State::RolledBack,
        State::Cancelled,
    ];

    /// The name used in the store and in events.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Creating => "creating",
            State::Distributing => "distributing",
            State::VerifyingNew => "verifying_new",
            State::Observing => "observing",
            State::Deactivating => "deactivating",
            State::VerifyingDead => "verifying_dead",
            State::Grace => "grace",
            State::Deleting => "deleting",
            State::Done => "done",
            State::Paused => "paused",
            State::FailedRetryable => "failed_retryable",
            State::ManualAction => "manual_action",
            State::RollingBack => "rolling_back",
            State::RolledBack => "rolled_back",
            State::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Does nothing follow?
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, State::Done | State::RolledBack | State::Cancelled)
    }

    /// Is a step being carried out?
    #[must_use]
    pub fn is_step(self) -> bool {
        Op::ALL.into_iter().any(|op| op.state() == self)
    }

    /// Does it hold its run up until somebody or something acts?
    #[must_use]
    pub fn is_halt(self) -> bool {
        matches!(self, State::Paused | State::FailedRetryable | State::ManualAction)
    }

    /// May `next` follow? Which step follows which one the plan says; here stands what no plan may do. The store has the same
    /// edges and refuses any other.
    #[must_use]
    pub fn may_become(self, next: State) -> bool {
        match (self, next) {
            _ if self == next || self.is_final() => false,
            // Once a step deletes the old credential there is nothing to go back to.
            (_, State::RollingBack) => !matches!(self, State::Pending | State::Deleting),
            (State::RollingBack, _) => {
                matches!(next, State::RolledBack | State::ManualAction | State::FailedRetryable)
            }
            (_, State::Cancelled) => self == State::Pending || self.is_halt(),
            (State::ManualAction, State::RolledBack) => true,
            (_, State::Done) => !self.is_halt() || self == State::ManualAction,
            (_, State::RolledBack | State::Pending) => false,
            // A halt keeps its run at the step where it is.
            _ if self.is_halt() => next.is_step() || (self == State::FailedRetryable && next.is_halt()),
            _ if next.is_halt() => true,
            // Forward; and back to a new credential where the old one is contained first, or to the proof of its death.
            (State::Deactivating | State::VerifyingDead, State::Creating) | (State::Deleting, State::VerifyingDead) => {
                true
            }
            _ => self < next,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Op, State};

    #[test]
    fn names_lead_back() {
        for state in State::ALL {
            assert_eq!(State::from_name(state.as_str()), Some(state));
        }
        for op in Op::ALL {
            assert_eq!(Op::from_name(op.as_str()), Some(op));
        }
    }

    #[test]
    fn nothing_follows_an_end_and_nothing_brings_back_what_is_deleted() {
        for state in State::ALL {
            for next in State::ALL {
                assert!(!(state.is_final() && state.may_become(next)), "{state} {next}");
            }
        }
        assert!(!State::Deleting.may_become(State::RollingBack));
        assert!(!State::Pending.may_become(State::RollingBack));
    }
}
