//! AWS: which services an identity may use and when it last did (`get-service-last-accessed-details`): what it may and never
//! does is what can be taken away.

use crate::{
    inventory::{Coverage, Entry, Fields, Format, Importer, Intake, Reading, Shape},
    model::identity::{Effect, EntityKey, Grant},
};

pub(super) const LAST_ACCESSED: Importer = Importer {
    name: "aws-service-last-accessed",
    title: "AWS services last accessed (aws iam get-service-last-accessed-details; --scope is the ARN that the job was for, \
            where no service was used)",
    shapes: &[Shape { format: Format::Json, path: "", fields: &["JobStatus", "ServicesLastAccessed"] }],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(details),
};

/// `arn:aws:iam::ACCOUNT:user/path/NAME` as the other exports know it. `None` for groups and policies: they aren't anybody.
fn identity_of(arn: &str) -> Option<EntityKey> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, "iam", _, account, resource] = parts.as_slice() else { return None };
    let (kind, name) = resource.split_once('/')?;
    let name = name.rsplit('/').next()?;
    matches!(kind, "user" | "role").then(|| EntityKey::new("aws", account, &format!("{kind}/{name}")))
}

fn details(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    if entry.fields.str("JobStatus").is_some_and(|status| status != "COMPLETED") {
        intake.problem("the job had not ended when it was asked: ask again");
    }
    let services = entry.fields.each("ServicesLastAccessed");
    // The answer doesn't repeat whom the job was for, but whoever used a service is that one.
    let used = services.iter().find_map(|service| service.text("LastAuthenticatedEntity"));
    let Some(identity) = used.or_else(|| Some(intake.account().to_owned())).as_deref().and_then(identity_of) else {
        return intake.problem("it doesn't say whom it is about: give the ARN of the user or role with --scope");
    };
    intake.says_account(&identity.account.clone());
    for service in services {
        match grant(&identity, &service) {
            Some(grant) => intake.grant(grant),
            None => intake.problem("a service without name"),
        }
    }
}

fn grant(identity: &EntityKey, service: &Fields) -> Option<Grant> {
    Some(Grant {
        identity: identity.clone(),
        resource: "*".to_owned(),
        role: format!("{}: some actions", service.any(&["ServiceNamespace", "ServiceName"])?),
        effect: Effect::Allow,
        source: "service last accessed".to_owned(),
        conditional: false,
        expires_at: None,
        last_used: service.time("LastAuthenticated"),
        high_risk: false,
    })
}

#[cfg(test)]
mod tests {
    use super::identity_of;

    #[test]
    fn arns_lead_to_the_keys_of_other_exports() {
        let key = |arn: &str| identity_of(arn).map(|key| key.to_string());
        assert_eq!(key("arn:aws:iam::123456789012:user/apps/svc").as_deref(), Some("aws:123456789012:user/svc"));
        assert_eq!(key("arn:aws:iam::123456789012:role/r").as_deref(), Some("aws:123456789012:role/r"));
        assert_eq!((key("arn:aws:iam::123456789012:group/g"), key("x"), key("")), (None, None, None));
    }
}
