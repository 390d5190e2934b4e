//! One file per kind of export in `tests/fixtures/inventory`, with places for secrets that are filled in here.

use std::{collections::BTreeSet, fs, path::Path};

use unleak::{
    fingerprint::KeyRing,
    inventory::{self, Coverage, IMPORTERS, ImportOptions},
    model::identity::{
        Credential, CredentialStatus, FpScheme, Grant, Identity, IdentityState, OwnedBy, Ownership, Record,
    },
};

use super::{Imported, import, options};

/// A secret that stands in no file of this repository.
pub(crate) fn planted() -> String {
    ["Plant3d", "Valu3ThatMust", "N0tLeave77"].concat()
}

/// Key ids of account 123456789012, as their provider forms them.
pub(crate) fn access_key(letter: char) -> String {
    let account: u64 = 123_456_789_012;
    let number = (1_u64 << 47) | (account << 7);
    let bytes = [&number.to_be_bytes()[2..], &[1, 2, 3, 4]].concat();
    let digits = data_encoding::BASE32.encode(&bytes);
    format!("AKIA{}{letter}", &digits[..15])
}

pub(crate) fn ssh_public() -> String {
    let blob = [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &[7; 32]].concat();
    format!("ssh-ed25519 {} ci@example", data_encoding::BASE64.encode(&blob))
}

/// Name of an importer → its file with every place filled in.
pub(crate) fn fixture(path: &Path) -> String {
    let scram = format!(
        "SCRAM-SHA-256$4096:{}${}:{}",
        data_encoding::BASE64.encode(&[1; 16]),
        data_encoding::BASE64.encode(&[2; 32]),
        data_encoding::BASE64.encode(planted().as_bytes()),
    );
    let text = fs::read_to_string(path).unwrap();
    text.replace("{{PLANTED}}", &planted())
        .replace("{{PLANTED64}}", &data_encoding::BASE64.encode(planted().as_bytes()))
        .replace("{{AKIA1}}", &access_key('A'))
        .replace("{{AKIA2}}", &access_key('Q'))
        .replace("{{SSHPUB}}", &ssh_public())
        .replace("{{SCRAM}}", &scram)
        .replace("{{HEX32}}", &"ab".repeat(16))
        .replace("{{HEX64}}", &"cd".repeat(32))
}

pub(crate) fn fixtures() -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for entry in fs::read_dir("tests/fixtures/inventory").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let importer = path.file_stem().unwrap().to_string_lossy().to_lowercase();
        all.push((importer, name, fixture(&path)));
    }
    all.sort();
    all
}

fn read(importer: &str) -> Imported {
    let (_, name, text) = fixtures().into_iter().find(|(found, _, _)| found == importer).unwrap();
    let ring = KeyRing::new([1; 32]);
    let scope = match importer {
        "codeowners" | "github-deploy-keys" | "github-actions-secrets" => Some("acme/billing".to_owned()),
        "okta-app-secrets" => Some("0oa1".to_owned()),
        _ => None,
    };
    import(&name, text.as_bytes(), &ImportOptions { scope, ..options(&ring) }).unwrap()
}

fn identities(imported: &Imported) -> Vec<&Identity> {
    imported.records.iter().filter_map(|r| if let Record::Identity(i) = r { Some(&**i) } else { None }).collect()
}

fn credentials(imported: &Imported) -> Vec<&Credential> {
    imported.records.iter().filter_map(|r| if let Record::Credential(c) = r { Some(&**c) } else { None }).collect()
}

fn grants(imported: &Imported) -> Vec<&Grant> {
    imported.records.iter().filter_map(|r| if let Record::Grant(g) = r { Some(g) } else { None }).collect()
}

fn ownerships(imported: &Imported) -> Vec<&Ownership> {
    imported.records.iter().filter_map(|r| if let Record::Ownership(o) = r { Some(o) } else { None }).collect()
}

#[test]
fn every_importer_has_a_file_that_is_known_as_its() {
    let with_file: BTreeSet<String> = fixtures().into_iter().map(|(importer, _, _)| importer).collect();
    let all: BTreeSet<String> = IMPORTERS.iter().map(|importer| importer.name.to_owned()).collect();
    assert_eq!(with_file, all);
    assert_eq!(IMPORTERS.len(), all.len(), "a name stands twice");
    for (importer, name, text) in fixtures() {
        let found = inventory::detect(&name, text.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found.importer.name, importer, "{name}");
    }
}

#[test]
fn every_export_is_read_without_problems() {
    for (importer, name, _) in fixtures() {
        let imported = read(&importer);
        let snapshot = &imported.snapshot;
        assert!(!imported.records.is_empty() && snapshot.problems.is_empty(), "{name}: {:?}", snapshot.problems);
        assert_eq!(snapshot.source.kind, importer);
        // All there is of what nobody has named: it may be another the next time.
        let is_whole =
            inventory::find(&importer).unwrap().coverage == Coverage::Whole && !snapshot.source.scope.is_empty();
        assert_eq!(snapshot.complete, is_whole, "{name}");
        assert_eq!(snapshot.counts.records(), imported.records.len() as u64, "{name}");
        assert_eq!(read(&importer).json(), imported.json(), "{name}: read twice");
        for record in &imported.records {
            let json = serde_json::to_string(record).unwrap();
            assert_eq!(&serde_json::from_str::<Record>(&json).unwrap(), record, "{name}");
        }
    }
}

#[test]
fn no_planted_secret_gets_past_a_reader() {
    let (planted, ring) = (planted(), KeyRing::new([1; 32]));
    let encoded = data_encoding::BASE64.encode(planted.as_bytes());
    for (importer, name, text) in fixtures() {
        let has_secret = text.contains(&planted) || text.contains(&encoded);
        for fingerprint_values in [false, true] {
            for importer in [None, Some(inventory::find(&importer).unwrap()), Some(inventory::find("generic").unwrap())]
            {
                let options = ImportOptions { fingerprint_values, importer, ..options(&ring) };
                let imported = import(&name, text.as_bytes(), &options).unwrap();
                let all = format!("{}{:?}{:?}", imported.json(), imported.records, imported.snapshot);
                let leaked =
                    [&planted[..12], &planted[18..], &encoded[..16]].into_iter().find(|part| all.contains(part));
                assert_eq!(leaked, None, "{name}");
            }
        }
        assert!(has_secret || matches!(importer.as_str(), "x509" | "codeowners"), "{name} plants nothing");
    }
}

#[test]
fn values_become_fingerprints_only_on_request() {
    let ring = KeyRing::new([1; 32]);
    let text = fixture(Path::new("tests/fixtures/inventory/kubernetes.json"));
    let of = |fingerprint_values| {
        let options = ImportOptions { fingerprint_values, ..options(&ring) };
        let imported = import("k.json", text.as_bytes(), &options).unwrap();
        credentials(&imported).iter().map(|credential| credential.fingerprints.clone()).collect::<Vec<_>>()
    };
    assert!(of(false).iter().all(Vec::is_empty));
    use unleak::{fingerprint::Fingerprinter as _, model::Secret};
    let expected = ring.fingerprints(&Secret::new(planted().as_bytes()));
    // In base64 in `data`, and as it is in `stringData`.
    assert!(of(true).iter().all(|found| expected.iter().all(|fp| found.contains(fp))), "{:?}", of(true));
}

#[test]
fn aws_tells_slots_permissions_and_owners() {
    let report = read("aws-credential-report");
    assert_eq!(report.snapshot.source.scope, "123456789012");
    let keys: Vec<_> = credentials(&report).iter().map(|c| (c.key.native_id.clone(), c.status)).collect();
    let key = ("user/svc-billing#2023-02-01T10:05:00Z".to_owned(), CredentialStatus::Active);
    assert!(keys.contains(&key) && keys.len() == 5, "{keys:?}");
    let listed = read("aws-access-keys");
    assert_eq!(credentials(&listed)[0].identity, credentials(&report)[1].identity);
    assert_eq!(credentials(&listed)[0].created, credentials(&report)[1].created);
    let details = read("aws-authorization-details");
    let user = identities(&details)[0];
    assert_eq!((user.privileged, user.env.as_deref()), (Some(true), Some("prod")));
    let sources: Vec<_> = grants(&details).iter().map(|grant| (grant.role.as_str(), grant.high_risk)).collect();
    assert!(sources.contains(&("s3:GetObject", false)) && sources.contains(&("*", true)), "{sources:?}");
    assert_eq!(ownerships(&details)[0].owner, "payments@example.org");
    let role = identities(&details)[1];
    assert!(role.relations[0].ends_with("(no condition)"), "{:?}", role.relations);
    assert_eq!(role.privileged, Some(true));
}

#[test]
fn kubernetes_tells_bindings_federation_and_consumers() {
    let imported = read("kubernetes");
    let account = identities(&imported)[0];
    assert_eq!(account.relations, ["federated-as=aws:arn:aws:iam::123456789012:role/billing"]);
    let risky: Vec<_> = grants(&imported).iter().filter(|g| g.high_risk).map(|g| g.resource.clone()).collect();
    assert_eq!(risky.len(), 2, "{risky:?}");
    let token = credentials(&imported)[0];
    assert_eq!(token.identity.as_ref(), Some(&account.key));
    let consumers: Vec<_> = imported
        .records
        .iter()
        .filter_map(|r| if let Record::Consumer(c) = r { Some(c.name.as_str()) } else { None })
        .collect();
    assert_eq!(consumers, ["db/password", "billing-token"]);
}

#[test]
fn databases_keep_verifiers_as_fingerprints() {
    let imported = read("postgres-roles");
    let schemes: Vec<_> = credentials(&imported).iter().flat_map(|c| &c.fingerprints).map(|fp| fp.scheme).collect();
    assert_eq!(schemes, [FpScheme::ScramSha256, FpScheme::PostgresMd5]);
    assert_eq!(identities(&imported)[2].state, IdentityState::Suspended);
    let redis = read("redis-acl");
    assert_eq!(credentials(&redis).len(), 2);
    let cleartext = credentials(&redis)[1];
    let ring = KeyRing::new([1; 32]);
    let secret = unleak::model::Secret::new(planted().as_bytes());
    assert!(unleak::fingerprint::matches_verifier(&ring, &cleartext.fingerprints[0], "admin", &secret));
}

#[test]
fn owners_come_from_catalogues_and_patterns() {
    let backstage = read("backstage");
    let owned: Vec<_> = ownerships(&backstage).iter().map(|o| (o.owner.as_str(), o.subject.clone())).collect();
    let repository = OwnedBy::Repository { repository: "acme/billing".to_owned() };
    assert!(owned.contains(&("group:default/payments", repository)), "{owned:?}");
    let codeowners = read("codeowners");
    assert_eq!(ownerships(&codeowners).len(), 4);
}

#[test]
fn tokens_of_an_audit_log_are_put_together_from_their_events() {
    let imported = read("github-audit-log");
    let [token] = credentials(&imported)[..] else { panic!("{:?}", imported.records) };
    assert_eq!(token.last_used.unwrap().millis, 1_714_657_021_000);
    // Scopes change, and events of some kinds lack fields: that is no contradiction.
    let event = |fields: &str| {
        format!(
            r#"{{"action":"git.clone","actor":"ci","org":"acme","hashed_token":"h4sh","@timestamp":1714657020000{fields}}}"#
        )
    };
    let log = [event(""), event(r#","token_id":77,"token_scopes":"repo""#), event(r#","token_scopes":"workflow""#)];
    let ring = KeyRing::new([1; 32]);
    let imported = import("log.jsonl", log.join("\n").as_bytes(), &options(&ring)).unwrap();
    assert_eq!(imported.snapshot.problems, Vec::<String>::new());
    let [token] = credentials(&imported)[..] else { panic!("{:?}", imported.records) };
    assert_eq!((token.public_id.as_deref(), token.scopes.join(" ")), (Some("77"), "repo workflow".to_owned()));
}

#[test]
fn a_fine_grained_token_is_one_in_the_list_and_in_the_log() {
    let ring = KeyRing::new([1; 32]);
    let log = r#"{"action":"git.clone","actor":"octo","org":"acme","hashed_token":"h4sh","token_id":98716,
        "programmatic_access_type":"Fine-grained personal access token"}"#;
    let list = r#"[{"id":1,"owner":{"login":"octo"},"token_id":98716,"token_name":"ci","access_granted_at":"2024-01-01T00:00:00Z"}]"#;
    let of = |text: &str| {
        let options = ImportOptions { scope: Some("acme".to_owned()), ..options(&ring) };
        credentials(&import("x.json", text.as_bytes(), &options).unwrap())[0].key.clone()
    };
    assert_eq!(of(log), of(list));
}

#[test]
fn a_key_pair_in_a_terraform_state_is_known_by_its_public_half() {
    let ring = KeyRing::new([1; 32]);
    let certificate = fs::read("tests/fixtures/inventory/x509.pem").unwrap();
    let state = format!(
        r#"{{"version":4,"resources":[
            {{"mode":"managed","type":"tls_private_key","name":"t","provider":"p",
                "instances":[{{"attributes":{{"id":"f0e1","public_key_openssh":"{}"}}}}]}},
            {{"mode":"managed","type":"google_service_account_key","name":"k","provider":"p","instances":[{{"attributes":
                {{"name":"projects/p/serviceAccounts/a@p.iam.gserviceaccount.com/keys/0123","public_key":"{}"}}}}]}}]}}"#,
        ssh_public(),
        data_encoding::BASE64.encode(&certificate)
    );
    let imported = import("terraform.tfstate", state.as_bytes(), &options(&ring)).unwrap();
    let [pair, key] = credentials(&imported)[..] else { panic!("{:?}", imported.records) };
    assert_eq!(pair.fingerprints, unleak::fingerprint::public_key_fingerprints(ssh_public().as_bytes()));
    let of_certificate = unleak::fingerprint::public_key_fingerprints(&certificate);
    assert!(!of_certificate.is_empty() && of_certificate.iter().all(|fp| key.fingerprints.contains(fp)));
}

#[test]
fn selectors_of_redis_are_rules() {
    let ring = KeyRing::new([1; 32]);
    let text = "user app on #HASH resetchannels -@all +get (~cache:* -@all +set)\n".replace("HASH", &"ab".repeat(32));
    let imported = import("users.acl", text.as_bytes(), &options(&ring)).unwrap();
    let grant = grants(&imported)[0];
    assert_eq!((grant.resource.as_str(), grant.role.as_str()), ("~cache:*", "-@all +get -@all +set"));
}

#[test]
fn a_key_of_google_is_one_whichever_export_speaks_of_it() {
    let ring = KeyRing::new([1; 32]);
    let name = "projects/acme-prod/serviceAccounts/ci@acme-prod.iam.gserviceaccount.com/keys/0123456789abcdef0123456789abcdef01234567";
    let listed = format!(
        r#"[{{"name":"{name}","keyAlgorithm":"KEY_ALG_RSA_2048","keyOrigin":"GOOGLE_PROVIDED","keyType":"USER_MANAGED",
            "validAfterTime":"2024-01-01T00:00:00Z","validBeforeTime":"9999-12-31T23:59:59Z"}}]"#
    );
    let state = format!(
        r#"{{"version":4,"resources":[{{"mode":"managed","type":"google_service_account_key","name":"ci","provider":"p",
            "instances":[{{"attributes":{{"id":"{name}","name":"{name}","service_account_id":"ci"}}}}]}}]}}"#
    );
    let of = |file: &str, text: &str| {
        let imported = import(file, text.as_bytes(), &options(&ring)).unwrap();
        let found = credentials(&imported)[0].clone();
        (found.key, found.identity, found.public_id)
    };
    assert_eq!(of("keys.json", &listed), of("terraform.tfstate", &state));
}

#[test]
fn a_certificate_of_entra_is_known_by_its_public_key() {
    let pem = fs::read_to_string("tests/fixtures/inventory/x509.pem").unwrap();
    let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let ring = KeyRing::new([1; 32]);
    let of_type = |key: &str| {
        let text = fixture(Path::new("tests/fixtures/inventory/entra-applications.json")).replacen(
            &format!(r#""key": "{}""#, planted()),
            &format!(r#""key": "{key}""#),
            1,
        );
        import("apps.json", text.as_bytes(), &options(&ring)).unwrap()
    };
    let with_certificate = of_type(&base64);
    let expected = unleak::fingerprint::public_key_fingerprints(pem.as_bytes());
    let found = credentials(&with_certificate)[1];
    assert!(expected.iter().all(|fp| found.fingerprints.contains(fp)), "{found:?}");
    // What is no certificate may be a secret: it is dropped, and counted.
    let with_secret = of_type(&planted());
    assert_eq!(with_secret.snapshot.counts.secrets_dropped, with_certificate.snapshot.counts.secrets_dropped + 1);
}

#[test]
fn certificates_name_workloads() {
    let imported = read("x509");
    assert_eq!(identities(&imported)[0].key.native_id, "spiffe://acme.test/ns/prod/sa/billing");
    let pem = fs::read("tests/fixtures/inventory/x509.pem").unwrap();
    let of_key = unleak::fingerprint::public_key_fingerprints(&pem);
    assert!(of_key.iter().all(|fp| credentials(&imported)[0].fingerprints.contains(fp)), "{of_key:?}");
}
