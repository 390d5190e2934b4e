//! Plans as a person or a program reads them.

use std::io::{self, Write};

use serde_json::json;

use super::super::{CommandError, Env, output};
use super::RotateFormat;
use crate::{
    model::Escaped,
    report::count,
    rotate::{StepRecord, StoredPlan},
};

/// Several plans in full.
pub(super) fn plans(plans: &[StoredPlan], format: RotateFormat, env: &mut Env<'_>) -> Result<(), CommandError> {
    output::write(None, env, &|out| match format {
        RotateFormat::Json => json_lines(plans.iter().map(|plan| as_json(plan, &[])).collect(), out),
        RotateFormat::Text => {
            for plan in plans {
                write_plan(plan, &[], out)?;
                writeln!(out)?;
            }
            writeln!(out, "{}; nothing was carried out", count(plans.len() as u64, "plan"))
        }
    })
}

/// One plan with what came of its steps.
pub(super) fn plan(
    plan: &StoredPlan,
    steps: &[StepRecord],
    format: RotateFormat,
    env: &mut Env<'_>,
) -> Result<(), CommandError> {
    output::write(None, env, &|out| match format {
        RotateFormat::Json => json_lines(vec![as_json(plan, steps)], out),
        RotateFormat::Text => write_plan(plan, steps, out),
    })
}

/// One line per plan.
pub(super) fn list(
    plans: &[StoredPlan],
    stopped: Option<&str>,
    format: RotateFormat,
    env: &mut Env<'_>,
) -> Result<(), CommandError> {
    output::write(None, env, &|out| match format {
        RotateFormat::Json => json_lines(plans.iter().map(|plan| as_json(plan, &[])).collect(), out),
        RotateFormat::Text => {
            for stored in plans {
                let plan = &stored.plan;
                let name = Escaped(plan.subject.name.as_bytes());
                let (strategy, due) = (plan.strategy.as_str(), time(plan.rotate_by_ms));
                writeln!(out, "{}  {:17}  {strategy:9}  due {due}  {name}", stored.id, stored.state)?;
            }
            writeln!(out, "{}", count(plans.len() as u64, "plan"))?;
            match stopped {
                Some(why) => writeln!(out, "rotation is {} (`unleak rotate resume`)", Escaped(why.as_bytes())),
                None => Ok(()),
            }
        }
    })
}

fn as_json(stored: &StoredPlan, steps: &[StepRecord]) -> serde_json::Value {
    let done: Vec<_> = steps
        .iter()
        .map(|step| json!({ "number": step.number, "attempts": step.attempts, "receipt": step.receipt, "open": step.is_open }))
        .collect();
    json!({
        "id": stored.id, "state": stored.state, "requester": stored.requester, "hash": stored.hash,
        "expires_ms": stored.expires_ms, "run": stored.run, "plan": stored.plan, "steps_done": done,
    })
}

fn json_lines(values: Vec<serde_json::Value>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &values)?;
    writeln!(out)
}

fn write_plan(stored: &StoredPlan, steps: &[StepRecord], out: &mut dyn Write) -> io::Result<()> {
    let plan = &stored.plan;
    let subject = &plan.subject;
    let safe = |text: &str| Escaped(text.as_bytes()).to_string();
    writeln!(out, "plan {} ({})", stored.id, stored.state)?;
    writeln!(out, "  hash        {}", stored.hash)?;
    stored.run.iter().try_for_each(|run| writeln!(out, "  run         {run}"))?;
    writeln!(out, "  credential  {}, generation {} ({})", safe(&subject.name), subject.generation, subject.credential)?;
    let known = [("public id", &subject.public_id), ("account", &subject.account), ("owner", &subject.owner)];
    for (name, value) in known {
        writeln!(out, "  {name:11} {}", value.as_deref().map_or_else(|| "not known".to_owned(), safe))?;
    }
    writeln!(out, "  strategy    {} ({})", plan.strategy.as_str(), safe(&plan.provider))?;
    writeln!(out, "  contain by  {}", time(plan.contain_by_ms))?;
    writeln!(out, "  rotate by   {}", time(plan.rotate_by_ms))?;
    writeln!(out, "  rotator     {}, {} needed", plan.rotator, count(plan.approvals.into(), "approval"))?;
    for consumer in &subject.consumers {
        let (workload, locator) = (safe(&consumer.workload), safe(&consumer.locator));
        writeln!(out, "  breaks      {workload} ({}: {locator})", safe(&consumer.distribution))?;
    }
    for step in &plan.steps {
        let receipt =
            steps.iter().find(|record| record.number == step.number).and_then(|record| record.receipt.as_ref());
        let mark = if receipt.is_some() { 'x' } else { ' ' };
        writeln!(out, "  [{mark}] {:2} {:11} {}", step.number, step.op.as_str(), safe(&step.call))?;
        if let Some(receipt) = receipt {
            writeln!(out, "         done: {}", safe(receipt))?;
        }
        if let Some(undo) = &step.undo {
            writeln!(out, "         undo: {}", safe(undo))?;
        }
    }
    plan.cautions.iter().try_for_each(|caution| writeln!(out, "  ! {}", safe(caution)))
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |time| time.strftime("%F %H:%M UTC").to_string())
}
