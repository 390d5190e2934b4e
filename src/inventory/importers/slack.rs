//! Slack: apps that a workspace approved, bots among its members, and what became of integrations.

use std::collections::BTreeMap;

use crate::{
    inventory::{Coverage, Entry, Format, Importer, Intake, ReadLinked, Reading, Shape},
    model::identity::{Effect, EntityKey, Grant, Identity, IdentityState, Kind, Timestamp},
};

pub(super) const APPS: Importer = Importer {
    name: "slack-approved-apps",
    title: "Slack approved apps (admin.apps.approved.list)",
    shapes: &[Shape { format: Format::Json, path: "approved_apps[]", fields: &["app", "scopes"] }],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(approved_app),
};

pub(super) const BOTS: Importer = Importer {
    name: "slack-bots",
    title: "Slack bots (users.list; people are left out)",
    shapes: &[Shape { format: Format::Json, path: "members[]", fields: &["id", "team_id", "is_bot", "profile"] }],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(member),
};

pub(super) const LOGS: Importer = Importer {
    name: "slack-integration-logs",
    title: "Slack integrations that came and went (team.integrationLogs; --scope is the workspace's id)",
    shapes: &[
        Shape { format: Format::Json, path: "logs[]", fields: &["app_id", "change_type", "user_id"] },
        Shape { format: Format::Json, path: "logs[]", fields: &["service_id", "change_type", "user_id"] },
    ],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Linked(|| Box::<Logs>::default()),
};

fn key(intake: &Intake<'_>, id: &str) -> EntityKey {
    EntityKey::new("slack", intake.account(), id)
}

/// Scopes that reach what people say to each other, act as people, or administer.
fn is_high_risk(scope: &str) -> bool {
    scope.starts_with("admin")
        || matches!(scope, "client" | "im:history" | "mpim:history" | "groups:history" | "search:read" | "files:read")
}

fn grant(identity: &EntityKey, scope: String, source: &str) -> Grant {
    Grant {
        identity: identity.clone(),
        resource: "*".to_owned(),
        high_risk: is_high_risk(&scope),
        role: scope,
        effect: Effect::Allow,
        source: source.to_owned(),
        conditional: false,
        expires_at: None,
        last_used: None,
    }
}

fn approved_app(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let (Some(id), Some(name)) = (fields.text("app.id"), fields.text("app.name")) else {
        return intake.problem("an app without id or name");
    };
    let native = key(intake, &id);
    let mut identity = Identity::new(native.clone(), Kind::Integration, &name);
    identity.purpose = fields.text("app.description");
    identity.created = fields.time("date_updated");
    identity.created_by = fields.text("last_resolved_by.actor_id");
    identity.raw = fields.pick(&["app.app_homepage_url", "app.is_app_directory_approved", "app.is_internal"]);
    // Who made an app of the directory isn't said, only where its page is.
    let is_foreign =
        fields.flag("app.is_internal") == Some(false) || fields.flag("app.is_app_directory_approved") == Some(true);
    if is_foreign {
        intake.vendor(&name);
        identity.vendor = Some(name);
    }
    let grants: Vec<Grant> = fields
        .each("scopes")
        .into_iter()
        .filter_map(|scope| Some(grant(&native, scope.text("name")?, "approved scope")))
        .collect();
    identity.privileged = Some(grants.iter().any(|grant| grant.high_risk));
    intake.identity(identity);
    grants.into_iter().for_each(|grant| intake.grant(grant));
}

fn member(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    if fields.flag("is_bot") != Some(true) {
        return;
    }
    let Some(id) = fields.text("id") else { return intake.problem("a bot without id") };
    intake.says_account(&fields.text("team_id").unwrap_or_default());
    let name = fields.any(&["profile.real_name", "real_name", "name"]).unwrap_or_else(|| id.clone());
    let mut identity = Identity::new(key(intake, &id), Kind::Bot, &name);
    if fields.flag("deleted") == Some(true) {
        identity.state = IdentityState::Offboarded;
    }
    identity.raw = fields.pick(&["profile.bot_id", "profile.api_app_id", "updated"]);
    identity.relations.extend(fields.text("profile.api_app_id").map(|app| format!("instance-of={app}")));
    intake.identity(identity);
}

/// The last word on each integration counts; the first tells who brought it.
#[derive(Default)]
struct Logs {
    integrations: BTreeMap<String, Integration>,
}

struct Integration {
    identity: Identity,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    scopes: Vec<String>,
}

impl ReadLinked for Logs {
    fn entry(&mut self, entry: &Entry<'_>, intake: &mut Intake<'_>) {
        let fields = entry.fields;
        let Some(id) = fields.any(&["app_id", "service_id"]) else {
            return intake.problem("a change without app or service");
        };
        let name = fields.any(&["app_type", "service_type"]).unwrap_or_else(|| id.clone());
        let time = fields.time("date");
        let known = self.integrations.entry(id.clone()).or_insert_with(|| Integration {
            identity: Identity::new(key(intake, &id), Kind::Integration, &name),
            first: None,
            last: None,
            scopes: Vec::new(),
        });
        let is_added = fields.str("change_type") == Some("added");
        if is_added || (known.first.is_none() && known.identity.created_by.is_none()) {
            known.identity.created_by = fields.any(&["user_name", "user_id"]);
        }
        if is_added {
            (known.first, known.identity.created) = (time, time);
        }
        if known.last.is_some() && time < known.last {
            return;
        }
        known.last = time;
        known.identity.name = name;
        known.identity.state = match fields.str("change_type") {
            Some("removed") => IdentityState::Offboarded,
            Some("disabled") => IdentityState::Suspended,
            _ => IdentityState::Active,
        };
        if fields.get("scope").is_some() {
            known.scopes = fields.words("scope");
        }
    }

    fn finish(&mut self, intake: &mut Intake<'_>) {
        for (_, mut known) in std::mem::take(&mut self.integrations) {
            known.identity.privileged =
                (!known.scopes.is_empty()).then(|| known.scopes.iter().any(|scope| is_high_risk(scope)));
            let key = known.identity.key.clone();
            intake.identity(known.identity);
            known.scopes.into_iter().for_each(|scope| intake.grant(grant(&key, scope, "integration log")));
        }
    }
}
