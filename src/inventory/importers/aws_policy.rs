//! Policy documents of AWS: what they allow, in a form that can be searched.

use serde_json::Value;

use crate::{
    inventory::Fields,
    model::identity::{Effect, EntityKey, Grant},
};

/// Most grants that are taken from one document: beyond that it is `*` in other words.
const MAX_GRANTS: usize = 500;

/// Actions by which an identity can give itself more than it has.
const ESCALATIONS: &[&str] = &[
    "iam:addusertogroup",
    "iam:attachgrouppolicy",
    "iam:attachrolepolicy",
    "iam:attachuserpolicy",
    "iam:createaccesskey",
    "iam:createloginprofile",
    "iam:createpolicyversion",
    "iam:passrole",
    "iam:putgrouppolicy",
    "iam:putrolepolicy",
    "iam:putuserpolicy",
    "iam:setdefaultpolicyversion",
    "iam:updateassumerolepolicy",
    "iam:updateloginprofile",
    "lambda:updatefunctioncode",
    "sts:assumerole",
];

/// Policies that AWS itself keeps, and that administer.
const ADMINISTRATORS: &[&str] = &["AdministratorAccess", "IAMFullAccess", "PowerUserAccess", "AmazonEKSClusterPolicy"];

/// Does a policy of this ARN or name administer?
pub(super) fn is_administrator(policy: &str) -> bool {
    ADMINISTRATORS.contains(&policy.rsplit('/').next().unwrap_or(policy))
}

/// A document as an object: the raw interface has it as percent-encoded text, tools as an object.
pub(super) fn document(value: Option<&Value>) -> Option<Value> {
    match value? {
        value @ Value::Object(_) => Some(value.clone()),
        Value::String(text) => {
            let text = text.trim();
            let decoded = if text.starts_with('{') { text.to_owned() } else { percent_decoded(text)? };
            serde_json::from_str(&decoded).ok()
        }
        _ => None,
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                bytes.push(data_encoding::HEXUPPER_PERMISSIVE.decode(&digits).ok()?[0]);
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// What the statements of a document give `identity`, by action and resource.
pub(super) fn grants(document: &Value, identity: &EntityKey, source: &str) -> Vec<Grant> {
    let mut grants = Vec::new();
    for statement in Fields(document.clone()).each("Statement") {
        let effect = if statement.str("Effect") == Some("Deny") { Effect::Deny } else { Effect::Allow };
        let conditional = statement.get("Condition").is_some();
        let actions = texts(&statement, "Action", "NotAction");
        let resources = texts(&statement, "Resource", "NotResource");
        for action in &actions {
            for resource in &resources {
                if grants.len() == MAX_GRANTS {
                    return grants;
                }
                let high_risk = effect == Effect::Allow && is_high_risk(action, resource);
                grants.push(Grant {
                    identity: identity.clone(),
                    resource: resource.clone(),
                    role: action.clone(),
                    effect,
                    source: source.to_owned(),
                    conditional,
                    expires_at: None,
                    last_used: None,
                    high_risk,
                });
            }
        }
    }
    grants
}

/// One text or many; what is excluded is written with `not:` before it.
fn texts(statement: &Fields, name: &str, negated: &str) -> Vec<String> {
    let of = |name: &str| match statement.get(name) {
        Some(Value::String(text)) => vec![text.clone()],
        _ => statement.words(name),
    };
    of(name).into_iter().chain(of(negated).into_iter().map(|text| format!("not:{text}"))).collect()
}

fn is_high_risk(action: &str, resource: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let everywhere = resource == "*";
    match action.as_str() {
        "*" | "*:*" | "iam:*" => true,
        _ if action.starts_with("not:") => everywhere,
        "sts:assumerole" | "lambda:updatefunctioncode" => everywhere,
        action => ESCALATIONS.contains(&action) || (everywhere && action.ends_with(":*")),
    }
}

/// Who may assume a role, as `assumed-by=principal`; with `(any)` where no condition narrows a federated principal.
pub(super) fn trusted(document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for statement in Fields(document.clone()).each("Statement") {
        let open = if statement.get("Condition").is_none() { " (no condition)" } else { "" };
        match statement.get("Principal") {
            Some(Value::String(anyone)) => found.push(format!("assumed-by={anyone}{open}")),
            Some(Value::Object(kinds)) => {
                for (kind, principals) in kinds {
                    let mark = if kind == "Federated" { open } else { "" };
                    let one = principals.as_str().map(|text| vec![text.to_owned()]);
                    let all = one.unwrap_or_else(|| statement.words(&format!("Principal.{kind}")));
                    found.extend(all.into_iter().map(|principal| format!("assumed-by={principal}{mark}")));
                }
            }
            _ => {}
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{document, grants, trusted};
    use crate::model::identity::EntityKey;

    #[test]
    fn documents_are_read_in_both_notations() {
        let plain =
            json!({ "Statement": { "Effect": "Allow", "Action": "s3:*", "Resource": ["*", "arn:aws:s3:::a b/*"] } });
        let encoded: String = plain.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(document(Some(&encoded.into())), Some(plain.clone()));
        assert_eq!(document(Some(&plain)), Some(plain.clone()));
        assert_eq!(document(Some(&"%7".into())), None);
        let grants = grants(&plain, &EntityKey::new("aws", "1", "user/a"), "p");
        assert_eq!(grants.iter().map(|grant| grant.high_risk).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn trust_without_condition_is_marked() {
        let open = json!({ "Statement": [{ "Principal": { "Federated": "oidc", "Service": ["ec2.amazonaws.com"] } }] });
        assert_eq!(trusted(&open), ["assumed-by=ec2.amazonaws.com", "assumed-by=oidc (no condition)"]);
    }
}
