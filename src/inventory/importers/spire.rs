//! SPIRE: registration entries (`spire-server entry show -output json`).

use crate::{
    inventory::{Coverage, Entry, Fields, Format, Importer, Intake, Reading, Shape},
    model::identity::{Effect, EntityKey, Grant, Identity, Kind},
};

pub(super) const ENTRIES: Importer = Importer {
    name: "spire-entries",
    title: "SPIRE registration entries (spire-server entry show -output json)",
    shapes: &[Shape { format: Format::Json, path: "entries[]", fields: &["spiffe_id", "parent_id", "selectors"] }],
    coverage: Coverage::Whole,
    secrets: &[],
    public: &[],
    reading: Reading::Each(registration),
};

/// `spiffe://domain/path`, which tools write as text or as its two parts.
fn spiffe_id(fields: &Fields, name: &str) -> Option<(String, String)> {
    let id = match fields.text(name) {
        Some(text) => text,
        None => {
            let domain = fields.text(&format!("{name}.trust_domain"))?;
            format!("spiffe://{domain}{}", fields.text(&format!("{name}.path")).unwrap_or_default())
        }
    };
    let domain = id.strip_prefix("spiffe://")?.split('/').next()?.to_owned();
    Some((domain, id))
}

fn registration(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some((domain, id)) = spiffe_id(fields, "spiffe_id") else {
        return intake.problem("an entry without SPIFFE id");
    };
    intake.says_account(&domain);
    let key = EntityKey::new("spiffe", &domain, &id);
    let mut identity = Identity::new(key.clone(), Kind::Workload, &id);
    identity.created = fields.time("created_at");
    identity.expires_at = fields.time("expires_at");
    identity.raw = fields.pick(&["id", "hint", "x509_svid_ttl", "jwt_svid_ttl"]);
    identity.relations.extend(spiffe_id(fields, "parent_id").map(|(_, parent)| format!("parent={parent}")));
    identity.relations.extend(fields.words("federates_with").iter().map(|domain| format!("federates-with={domain}")));
    for selector in fields.each("selectors") {
        if let (Some(kind), Some(value)) = (selector.text("type"), selector.text("value")) {
            identity.relations.push(format!("selected-by={kind}:{value}"));
        }
    }
    let powers = ["admin", "downstream"].into_iter().filter(|power| fields.flag(power) == Some(true));
    let powers: Vec<_> = powers.collect();
    identity.privileged = Some(!powers.is_empty());
    intake.identity(identity);
    for power in powers {
        intake.grant(Grant {
            identity: key.clone(),
            resource: domain.clone(),
            role: power.to_owned(),
            effect: Effect::Allow,
            source: "registration entry".to_owned(),
            conditional: false,
            expires_at: None,
            last_used: None,
            high_risk: true,
        });
    }
}
