use super::{Outcome, Reconciled, Rotator, StepContext, World, proof};

/// A checklist: a person carries each step out and ticks it with a proof. What an inventory shows needs no tick.
#[derive(Clone, Copy, Debug, Default)]
pub struct ManualRotator;

impl Rotator for ManualRotator {
    fn name(&self) -> &'static str {
        "manual"
    }

    fn acts(&self, _: &StepContext<'_>) -> bool {
        false
    }

    fn perform(&self, at: &StepContext<'_>, world: &dyn World) -> Outcome {
        match proof(at, world) {
            Some(proof) => Outcome::Done(proof),
            None => Outcome::Manual(format!("{} (then tick step {})", at.step.call, at.step.number)),
        }
    }

    fn reconcile(&self, at: &StepContext<'_>, world: &dyn World) -> Reconciled {
        // Nothing is done here but by people: without a proof it is still to do.
        if proof(at, world).is_some() { Reconciled::Done } else { Reconciled::NotDone }
    }

    fn undo(&self, at: &StepContext<'_>, _: &dyn World) -> Outcome {
        Outcome::Manual(at.step.undo.clone().unwrap_or_else(|| format!("take back: {}", at.step.call)))
    }
}
