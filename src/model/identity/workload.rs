use serde::{Deserialize, Serialize};

use super::{EntityKey, Timestamp, words};

words! {
    /// What sort of program uses a credential.
    WorkloadKind {
        /// A long-running service.
        Service = "service",
        /// A pipeline of a build system.
        Pipeline = "pipeline",
        /// A function.
        Function = "function",
        /// An agent driven by a language model.
        Agent = "agent",
        /// A device.
        Device = "device",
        /// A definition of infrastructure.
        Infrastructure = "infrastructure",
        /// A program of which only its sources are known.
        Repository = "repository",
    }
}

words! {
    /// How a secret gets to whom uses it.
    Distribution {
        /// From Vault or OpenBao.
        Vault = "vault",
        /// From a cloud's secret manager.
        SecretManager = "secret-manager",
        /// As a Kubernetes secret.
        KubernetesSecret = "kubernetes-secret",
        /// As a secret of GitHub Actions.
        GithubSecret = "github-secret",
        /// As a variable of GitLab CI.
        GitlabVariable = "gitlab-variable",
        /// As an environment variable from somewhere.
        Environment = "environment",
        /// As a variable of Terraform.
        Terraform = "terraform",
        /// As a value of a Helm chart.
        Helm = "helm",
        /// As a file.
        File = "file",
        /// Through a webhook.
        Webhook = "webhook",
        /// By hand.
        Manual = "manual",
    }
}

/// A program that acts as an identity or uses its credentials. Its natural key is `reference`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Workload {
    /// What sort it is.
    pub kind: WorkloadKind,
    /// How its source knows it: `component:default/billing`, `deployment/prod/billing`, `.github/workflows/ci.yml`.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The repository its sources are in, `org/name` or a directory.
    pub repo: Option<String>,
    /// `prod`, `staging`, ….
    pub env: Option<String>,
    /// `production`, `experimental`, `deprecated`, as the source has it.
    pub lifecycle: Option<String>,
}

/// A workload needs a credential: who breaks when it changes. Its natural key is name, workload and locator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Consumer {
    /// Which credential, if that is known.
    pub credential: Option<EntityKey>,
    /// By what name the workload asks for it: an environment variable, `secret/key`, a path in a store. Never a value.
    pub name: String,
    /// [`Workload::reference`].
    pub workload: String,
    /// How the secret gets there.
    pub distribution: Distribution,
    /// Where the reference stands: `path:line`, or the object that has it.
    pub locator: String,
    /// When it was last seen there.
    pub confirmed_at: Option<Timestamp>,
}

/// An outside company. Its natural key is `name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Vendor {
    /// Its name.
    pub name: String,
    /// When the contract with it ends.
    pub contract_end: Option<Timestamp>,
}

/// `org/name` of a repository's address or path, or its last part.
#[cfg(feature = "identity")]
pub(crate) fn repository_name(source: &str) -> &str {
    let source = source.trim_end_matches('/').trim_end_matches(".git").trim_end_matches('/');
    let mut slashes = source.match_indices(['/', ':']).rev().map(|(at, _)| at);
    match (slashes.next(), slashes.next()) {
        (Some(_), Some(second)) => &source[second + 1..],
        _ => source,
    }
}

/// What the repository behind a source may be called: `org/name`, or its directory. Sorted, none of them empty.
#[cfg(feature = "identity")]
pub(crate) fn repositories_of(source: &str) -> Vec<String> {
    let name = repository_name(source);
    let last = name.rsplit('/').next().unwrap_or(name);
    let mut names = vec![source.to_owned(), name.to_owned(), last.to_owned()];
    names.sort();
    names.dedup();
    names.retain(|name| !name.is_empty());
    names
}
