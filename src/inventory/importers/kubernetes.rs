//! Kubernetes: service accounts, secrets (their names alone), roles and bindings, by `kubectl get … -A -o json`.
//!
//! Whatever stands in `data` and `stringData` is dropped by the reader, and so are annotations, in which `kubectl apply`
//! keeps a copy of both. Bindings come before or after the roles they name, so grants are made when all have been read.

use std::collections::HashMap;

use super::aws::environment;
use crate::{
    inventory::{Coverage, Entry, Fields, Format, Importer, Intake, ReadLinked, Reading, Shape},
    model::identity::{
        Consumer, Credential, CredentialStatus, CredentialType, Distribution, Effect, EntityKey, Grant, Identity, Kind,
        Revocation, Workload, WorkloadKind,
    },
};

pub(super) const RESOURCES: Importer = Importer {
    name: "kubernetes",
    title: "Kubernetes objects (kubectl get sa,secret,role,clusterrole,rolebinding,clusterrolebinding,deploy,cronjob -A -o json)",
    shapes: &[
        Shape { format: Format::Json, path: "items[]", fields: &["apiVersion", "kind", "metadata.name"] },
        Shape { format: Format::Json, path: "", fields: &["apiVersion=v1", "kind=ServiceAccount", "metadata.name"] },
        Shape { format: Format::Yaml, path: "", fields: &["apiVersion=v1", "kind=List", "items"] },
        Shape { format: Format::Yaml, path: "", fields: &["apiVersion=v1", "kind=ServiceAccount", "metadata"] },
        Shape { format: Format::Yaml, path: "", fields: &["apiVersion=v1", "kind=Secret", "metadata"] },
    ],
    coverage: Coverage::Whole,
    secrets: &["data", "stringData", "binaryData", "kubectl.kubernetes.io/last-applied-configuration"],
    public: &["token", "secret"],
    reading: Reading::Linked(|| Box::<Objects>::default()),
};

#[derive(Default)]
struct Objects {
    /// `Role/namespace/name` or `ClusterRole//name` → what it allows.
    roles: HashMap<String, Vec<Fields>>,
    bindings: Vec<Binding>,
}

struct Binding {
    namespace: String,
    name: String,
    role: String,
    subjects: Vec<EntityKey>,
}

fn account_key(intake: &Intake<'_>, namespace: &str, name: &str) -> EntityKey {
    EntityKey::new("kubernetes", intake.account(), &format!("{namespace}/{name}"))
}

impl ReadLinked for Objects {
    fn entry(&mut self, entry: &Entry<'_>, intake: &mut Intake<'_>) {
        let fields = entry.fields;
        if fields.str("kind") == Some("List") {
            for item in fields.each("items") {
                self.entry(&Entry { path: entry.path, key: "", fields: &item }, intake);
            }
            if fields.text("metadata.continue").is_some() {
                intake.is_partial();
            }
            return;
        }
        let Some(name) = fields.text("metadata.name") else {
            // What is left of the list around items that were read one by one.
            return if fields.get("kind").is_some() && fields.get("apiVersion").is_none() {
                intake.problem("an object without name");
            };
        };
        let namespace = fields.text("metadata.namespace").unwrap_or_default();
        match fields.str("kind") {
            Some("ServiceAccount") => service_account(fields, &namespace, &name, intake),
            Some("Secret") => secret(fields, &namespace, &name, intake),
            Some("Role") => self.role(format!("Role/{namespace}/{name}"), fields),
            Some("ClusterRole") => self.role(format!("ClusterRole//{name}"), fields),
            Some("RoleBinding" | "ClusterRoleBinding") => self.binding(fields, &namespace, &name, intake),
            Some(kind) => workload(fields, kind, &namespace, &name, intake),
            None => intake.problem("an object without kind"),
        }
    }

    fn finish(&mut self, intake: &mut Intake<'_>) {
        for binding in std::mem::take(&mut self.bindings) {
            for subject in &binding.subjects {
                match self.roles.get(&binding.role) {
                    Some(rules) => rules.iter().for_each(|rule| rule_grants(rule, subject, &binding, intake)),
                    None => intake.grant(grant(subject, &binding, &binding.role, "*", is_admin_role(&binding.role))),
                }
            }
        }
    }
}

impl Objects {
    fn role(&mut self, key: String, fields: &Fields) {
        self.roles.insert(key, fields.each("rules"));
    }

    fn binding(&mut self, fields: &Fields, namespace: &str, name: &str, intake: &mut Intake<'_>) {
        let (Some(kind), Some(role)) = (fields.text("roleRef.kind"), fields.text("roleRef.name")) else {
            return intake.problem("a binding without role");
        };
        let of = if kind == "Role" { namespace } else { "" };
        let subjects = fields.each("subjects");
        let subjects = subjects.iter().filter_map(|subject| {
            let name = subject.text("name")?;
            Some(match subject.str("kind")? {
                "ServiceAccount" => {
                    let of = subject.text("namespace").unwrap_or_else(|| namespace.to_owned());
                    account_key(intake, &of, &name)
                }
                kind => EntityKey::new("kubernetes", intake.account(), &format!("{kind}:{name}")),
            })
        });
        let subjects = subjects.collect();
        self.bindings.push(Binding {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            role: format!("{kind}/{of}/{role}"),
            subjects,
        });
    }
}

fn is_admin_role(role: &str) -> bool {
    matches!(role.rsplit('/').next(), Some("cluster-admin" | "admin" | "edit"))
}

fn grant(subject: &EntityKey, binding: &Binding, role: &str, resource: &str, high_risk: bool) -> Grant {
    let place = if binding.namespace.is_empty() { "cluster" } else { &binding.namespace };
    Grant {
        identity: subject.clone(),
        resource: format!("{place}: {resource}"),
        role: role.to_owned(),
        effect: Effect::Allow,
        source: format!("{} by binding {}", binding.role, binding.name),
        conditional: false,
        expires_at: None,
        last_used: None,
        high_risk,
    }
}

fn rule_grants(rule: &Fields, subject: &EntityKey, binding: &Binding, intake: &mut Intake<'_>) {
    const ESCALATIONS: &[&str] = &["*", "escalate", "bind", "impersonate"];
    let verbs = rule.words("verbs");
    let mut resources = rule.words("resources");
    resources.extend(rule.words("nonResourceURLs"));
    for resource in &resources {
        let writes = verbs.iter().any(|verb| matches!(verb.as_str(), "*" | "create" | "update" | "patch" | "delete"));
        let reads_secrets = resource == "secrets" && !verbs.is_empty();
        let high_risk = (resource == "*" && writes)
            || reads_secrets
            || verbs.iter().any(|verb| ESCALATIONS.contains(&verb.as_str()))
            || (writes
                && matches!(
                    resource.as_str(),
                    "pods" | "serviceaccounts/token" | "clusterrolebindings" | "rolebindings"
                ));
        intake.grant(grant(subject, binding, &verbs.join(","), resource, high_risk));
    }
}

fn service_account(fields: &Fields, namespace: &str, name: &str, intake: &mut Intake<'_>) {
    /// Annotations by which an account is another one in a cloud.
    const FEDERATION: &[(&str, &str)] = &[
        ("eks.amazonaws.com/role-arn", "aws"),
        ("iam.gke.io/gcp-service-account", "gcp"),
        ("azure.workload.identity/client-id", "entra"),
    ];
    let key = account_key(intake, namespace, name);
    let mut identity = Identity::new(key, Kind::KubernetesServiceAccount, &format!("{namespace}/{name}"));
    identity.created = fields.time("metadata.creationTimestamp");
    identity.raw = fields.pick(&["metadata.uid", "automountServiceAccountToken"]);
    identity.tags = fields.labels("metadata.labels");
    identity.env = environment(&identity.tags);
    for (annotation, provider) in FEDERATION {
        let other = fields.text(&format!("metadata.annotations.{annotation}"));
        identity.relations.extend(other.map(|other| format!("federated-as={provider}:{other}")));
    }
    let owners = fields.labels("metadata.annotations");
    for (annotation, owner) in owners {
        if matches!(annotation.rsplit('/').next(), Some("owner" | "team" | "contact")) {
            identity.tags.entry(annotation).or_insert(owner);
        }
    }
    intake.owners_from_tags(&identity);
    intake.identity(identity);
}

fn secret(fields: &Fields, namespace: &str, name: &str, intake: &mut Intake<'_>) {
    let kind = fields.text("type").unwrap_or_else(|| "Opaque".to_owned());
    let account = fields.text("metadata.annotations.kubernetes.io/service-account.name");
    let is_token = kind == "kubernetes.io/service-account-token";
    let identity = account.filter(|_| is_token).map(|account| account_key(intake, namespace, &account));
    let credential_type = match kind.as_str() {
        "kubernetes.io/service-account-token" => CredentialType::ServiceAccountToken,
        "kubernetes.io/tls" => CredentialType::Certificate,
        "kubernetes.io/ssh-auth" => CredentialType::SshKey,
        _ => CredentialType::StoredSecret,
    };
    let key = EntityKey::new("kubernetes", intake.account(), &format!("secret/{namespace}/{name}"));
    let mut credential = Credential::new(key, identity, credential_type);
    credential.name = Some(name.to_owned());
    credential.store_ref = Some(format!("k8s:{namespace}/{name}"));
    credential.created = fields.time("metadata.creationTimestamp");
    credential.last_used = fields.time("metadata.labels.kubernetes.io/legacy-token-last-used");
    let is_invalid = fields.text("metadata.labels.kubernetes.io/legacy-token-invalid-since").is_some();
    credential.status = if is_invalid { CredentialStatus::Inactive } else { CredentialStatus::Active };
    credential.revocation = if is_token { Revocation::Final } else { Revocation::Unknown };
    credential.fingerprints = fields.fingerprints("data");
    credential.fingerprints.extend(fields.fingerprints("stringData"));
    credential.raw.insert("kind".to_owned(), kind);
    credential.raw.extend(fields.text("metadata.uid").map(|uid| ("uid".to_owned(), uid)));
    let keys: Vec<_> =
        ["data", "stringData"].iter().flat_map(|field| fields.entries(field)).map(|(key, _)| key).collect();
    credential.raw.insert("keys".to_owned(), keys.join(","));
    intake.credential(credential);
}

/// Anything with a pod template uses the secrets that it names.
fn workload(fields: &Fields, kind: &str, namespace: &str, name: &str, intake: &mut Intake<'_>) {
    let template = ["spec.template.spec", "spec.jobTemplate.spec.template.spec", "spec"];
    let pod = template.iter().find_map(|path| {
        let spec = Fields(fields.get(path)?.clone());
        spec.get("containers").is_some().then_some(spec)
    });
    let Some(pod) = pod else { return };
    let reference = format!("{}/{namespace}/{name}", kind.to_lowercase());
    intake.workload(Workload {
        kind: if matches!(kind, "Job" | "CronJob") { WorkloadKind::Function } else { WorkloadKind::Service },
        reference: reference.clone(),
        repo: None,
        env: environment(&fields.labels("metadata.labels")),
        lifecycle: None,
    });
    let mut uses = |secret: String, key: Option<String>, how: &str| {
        let credential = EntityKey::new("kubernetes", intake.account(), &format!("secret/{namespace}/{secret}"));
        let name = key.map_or_else(|| secret.clone(), |key| format!("{secret}/{key}"));
        intake.consumer(Consumer {
            credential: Some(credential),
            name,
            workload: reference.clone(),
            distribution: Distribution::KubernetesSecret,
            locator: format!("{reference}: {how}"),
            confirmed_at: None,
        });
    };
    for container in pod.each("containers").iter().chain(&pod.each("initContainers")) {
        for variable in container.each("env") {
            if let Some(secret) = variable.text("valueFrom.secretKeyRef.name") {
                let how = format!("env {}", variable.text("name").unwrap_or_default());
                uses(secret, variable.text("valueFrom.secretKeyRef.key"), &how);
            }
        }
        for source in container.each("envFrom") {
            source.text("secretRef.name").into_iter().for_each(|secret| uses(secret, None, "envFrom"));
        }
    }
    for volume in pod.each("volumes") {
        volume.text("secret.secretName").into_iter().for_each(|secret| uses(secret, None, "volume"));
    }
    for pull in pod.each("imagePullSecrets") {
        pull.text("name").into_iter().for_each(|secret| uses(secret, None, "imagePullSecrets"));
    }
}
