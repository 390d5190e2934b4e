//! Microsoft Entra and Azure: what applications and managed identities may do, by roles of the directory and of resources, by
//! application permissions, and by what users and administrators consented to.
//!
//! Grants to people and groups are left out: whose a machine's credential is they don't tell.

use crate::{
    inventory::{Coverage, Entry, Fields, Format, Importer, Intake, Reading, Shape},
    model::identity::{Effect, EntityKey, Grant},
};

const DIRECTORY_FIELDS: &[&str] = &["principalId", "roleDefinitionId", "directoryScopeId"];
const AZURE_FIELDS: &[&str] = &["principalId", "principalType", "roleDefinitionId", "scope"];
const APP_ROLE_FIELDS: &[&str] = &["principalId", "resourceId", "appRoleId"];

pub(super) const ROLES: Importer = Importer {
    name: "entra-role-assignments",
    title: "Microsoft Entra and Azure roles (Graph /roleManagement/directory/roleAssignments?$expand=roleDefinition,principal; \
            az role assignment list --all; Graph /servicePrincipals/ID/appRoleAssignments)",
    shapes: &[
        Shape { format: Format::Json, path: "value[]", fields: DIRECTORY_FIELDS },
        Shape { format: Format::Json, path: "[]", fields: DIRECTORY_FIELDS },
        Shape { format: Format::Json, path: "[]", fields: AZURE_FIELDS },
        Shape { format: Format::Json, path: "value[]", fields: APP_ROLE_FIELDS },
        Shape { format: Format::Json, path: "[]", fields: APP_ROLE_FIELDS },
    ],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(assignment),
};

pub(super) const CONSENTS: Importer = Importer {
    name: "entra-oauth-grants",
    title: "Microsoft Entra delegated permissions (Graph /oauth2PermissionGrants)",
    shapes: &[
        Shape { format: Format::Json, path: "value[]", fields: &["clientId", "consentType", "resourceId", "scope"] },
        Shape { format: Format::Json, path: "[]", fields: &["clientId", "consentType", "resourceId", "scope"] },
    ],
    coverage: Coverage::Part,
    secrets: &[],
    public: &[],
    reading: Reading::Each(consent),
};

/// Ids that are the same in every tenant, for exports that have no names: roles of the directory, roles of Azure, permissions
/// of Graph. Source: "Microsoft Entra built-in roles", "Azure built-in roles", "Microsoft Graph permissions reference".
const KNOWN: &[(&str, &str)] = &[
    ("62e90394-69f5-4237-9190-012177145e10", "Global Administrator"),
    ("e8611ab8-c189-46e8-94e1-60213ab1f814", "Privileged Role Administrator"),
    ("7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "Privileged Authentication Administrator"),
    ("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "Application Administrator"),
    ("158c047a-c907-4556-b7ef-446551a6b5f7", "Cloud Application Administrator"),
    ("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator"),
    ("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Owner"),
    ("b24988ac-6180-42a0-ab88-20f7382dd24c", "Contributor"),
    ("18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", "User Access Administrator"),
    ("acdd72a7-3385-48ef-bd42-f606fba81ae7", "Reader"),
    ("9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8", "RoleManagement.ReadWrite.Directory"),
    ("06b708a9-e830-4db3-a914-8e69da51d44f", "AppRoleAssignment.ReadWrite.All"),
    ("1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9", "Application.ReadWrite.All"),
    ("19dbc75e-c2e2-444c-a770-ec69d8559fc7", "Directory.ReadWrite.All"),
];

/// Roles and permissions that administer, write everywhere in their scope, or give themselves more.
fn is_high_risk(role: &str) -> bool {
    const SURE: &[&str] = &[
        "Owner",
        "Contributor",
        "RoleManagement.ReadWrite.Directory",
        "AppRoleAssignment.ReadWrite.All",
        "Application.ReadWrite.All",
        "Directory.ReadWrite.All",
        "Directory.AccessAsUser.All",
        "Group.ReadWrite.All",
        "Sites.FullControl.All",
        "full_access_as_app",
        "full_access_as_user",
    ];
    SURE.contains(&role) || role.ends_with("Administrator")
}

/// The last part of a resource's address, or the id itself.
fn name_of(id: &str) -> String {
    let last = id.rsplit('/').next().unwrap_or(id);
    KNOWN
        .iter()
        .find(|(known, _)| last.eq_ignore_ascii_case(known))
        .map_or_else(|| last.to_owned(), |(_, name)| (*name).to_owned())
}

fn principal(intake: &Intake<'_>, id: &str) -> EntityKey {
    EntityKey::new("entra", intake.account(), &format!("sp/{id}"))
}

/// Is the assignment one of a person or a group? What doesn't say is taken for a machine's.
fn is_for_people(fields: &Fields) -> bool {
    let kind = fields.any(&["principalType", "principal.@odata.type"]).unwrap_or_default().to_ascii_lowercase();
    kind.ends_with("user") || kind.ends_with("group")
}

fn assignment(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(id) = fields.text("principalId") else { return intake.problem("a role assignment without principalId") };
    if is_for_people(fields) {
        return;
    }
    let role_id = fields.any(&["roleDefinitionId", "appRoleId"]).unwrap_or_default();
    let named = fields.any(&["roleDefinition.displayName", "roleDefinitionName"]);
    let role = named.unwrap_or_else(|| name_of(&role_id));
    if role.is_empty() {
        return intake.problem("a role assignment without role");
    }
    let is_app_role = fields.get("appRoleId").is_some();
    let (resource, source) = if is_app_role {
        (fields.any(&["resourceDisplayName", "resourceId"]), "application permission")
    } else if fields.get("directoryScopeId").is_some() {
        (fields.text("directoryScopeId"), "directory role")
    } else {
        (fields.text("scope"), "Azure role")
    };
    intake.grant(Grant {
        identity: principal(intake, &id),
        resource: resource.unwrap_or_else(|| "/".to_owned()),
        high_risk: is_high_risk(&role),
        role,
        effect: Effect::Allow,
        source: source.to_owned(),
        conditional: fields.text("condition").is_some(),
        expires_at: fields.time("endDateTime"),
        last_used: None,
    });
}

/// One grant for each scope; what one user consented to holds for that user's data alone.
fn consent(entry: &Entry<'_>, intake: &mut Intake<'_>) {
    let fields = entry.fields;
    let Some(client) = fields.text("clientId") else { return intake.problem("a consent without clientId") };
    let is_for_all = fields.str("consentType") == Some("AllPrincipals");
    let resource = fields.any(&["resourceDisplayName", "resourceId"]).unwrap_or_else(|| "*".to_owned());
    for scope in fields.words("scope") {
        intake.grant(Grant {
            identity: principal(intake, &client),
            resource: resource.clone(),
            high_risk: is_for_all && is_high_risk(&scope),
            role: scope,
            effect: Effect::Allow,
            source: if is_for_all { "consent of an administrator" } else { "consent of a user" }.to_owned(),
            conditional: false,
            expires_at: None,
            last_used: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{is_high_risk, name_of};

    #[test]
    fn roles_are_known_by_their_ids() {
        let of_subscription =
            "/subscriptions/x/providers/Microsoft.Authorization/roleDefinitions/8E3AF657-a8ff-443c-a75c-2fe8c4bcb635";
        assert_eq!(name_of(of_subscription), "Owner");
        assert_eq!(name_of("11111111-1111-4111-8111-111111111111"), "11111111-1111-4111-8111-111111111111");
        assert!(is_high_risk("Global Administrator") && is_high_risk("Contributor"));
        assert!(!is_high_risk("Reader") && !is_high_risk("User.Read"));
    }
}
