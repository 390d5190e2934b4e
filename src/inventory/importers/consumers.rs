//! Who asks for which secret by name: what `unleak inventory consumers --records` writes, on another machine perhaps.

use crate::{
    inventory::{Coverage, Entry, Format, Importer, Intake, Reading, Shape},
    model::identity::Record,
};

pub(super) const CONSUMERS: Importer = Importer {
    name: "consumers",
    title: "who asks for which secret by name (unleak inventory consumers --records)",
    shapes: &[
        Shape { format: Format::Json, path: "", fields: &["record=consumer", "workload", "distribution", "locator"] },
        Shape { format: Format::Json, path: "", fields: &["record=workload", "kind", "ref"] },
    ],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(reference),
};

fn reference(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    match serde_json::from_value(entry.fields.0.clone()) {
        Ok(Record::Workload(workload)) => intake.workload(workload),
        Ok(Record::Consumer(consumer)) => intake.consumer(consumer),
        _ => intake.problem("a record that is neither a workload nor a consumer"),
    }
}
