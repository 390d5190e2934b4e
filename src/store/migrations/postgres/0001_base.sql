-- The base: what was found, whose it is, how it is replaced, and who did what.
--
-- Ids are ULIDs (26 characters, they sort by time). Times are milliseconds since 1970 in UTC, and end in `_at`. NULL is
-- "not known". JSON that must keep its bytes is text. No column ever holds bytes of a secret: only keyed
-- fingerprints of it, and previews that show the fixed beginning of its format.

CREATE TABLE store_info (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    store_id TEXT NOT NULL CHECK (length(store_id) = 26),
    created_at BIGINT NOT NULL
);
COMMENT ON TABLE store_info IS 'This store.';
COMMENT ON COLUMN store_info.id IS 'always 1: there is one row';
COMMENT ON COLUMN store_info.store_id IS 'names the store in signed checkpoints and events';
COMMENT ON COLUMN store_info.created_at IS 'when the store was made';

CREATE TABLE state_edge (
    machine TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    PRIMARY KEY (machine, from_state, to_state)
);
COMMENT ON TABLE state_edge IS 'From which state to which state a row may go. A trigger of each table with a `state` asks here.';
COMMENT ON COLUMN state_edge.machine IS 'the table whose states these are';
COMMENT ON COLUMN state_edge.from_state IS 'the state before';
COMMENT ON COLUMN state_edge.to_state IS 'the state after';

CREATE TABLE vendor (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    name TEXT NOT NULL UNIQUE CHECK (name <> ''),
    contact TEXT,
    contract_end_at BIGINT,
    reviewed_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
COMMENT ON TABLE vendor IS 'A vendor who runs software or holds credentials of ours.';
COMMENT ON COLUMN vendor.id IS 'ULID';
COMMENT ON COLUMN vendor.name IS 'what the vendor is called';
COMMENT ON COLUMN vendor.contact IS 'whom to write to when a credential leaks';
COMMENT ON COLUMN vendor.contract_end_at IS 'end of the contract: credentials outlive it wrongly';
COMMENT ON COLUMN vendor.reviewed_at IS 'last security review';
COMMENT ON COLUMN vendor.created_at IS 'when the row was made';
COMMENT ON COLUMN vendor.updated_at IS 'when the row changed last';

CREATE TABLE source (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    category TEXT NOT NULL CHECK (category IN ('scan', 'inventory', 'fingerprints')),
    kind TEXT NOT NULL CHECK (kind <> ''),
    scope TEXT NOT NULL,
    config_ref TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (category, kind, scope)
);
COMMENT ON TABLE source IS 'Where things come from: a repository or directory that is scanned, an inventory that is imported.';
COMMENT ON COLUMN source.id IS 'ULID';
COMMENT ON COLUMN source.category IS 'what it yields';
COMMENT ON COLUMN source.kind IS 'the reader: files, stdin, report, aws-credential-report, …';
COMMENT ON COLUMN source.scope IS 'what of it: a name, a path, an account; without credentials';
COMMENT ON COLUMN source.config_ref IS 'where its settings stand';
COMMENT ON COLUMN source.created_at IS 'when it was first read';
COMMENT ON COLUMN source.updated_at IS 'when it was last read';

CREATE TABLE snapshot (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    source_id TEXT NOT NULL REFERENCES source (id),
    started_at BIGINT NOT NULL,
    taken_at BIGINT NOT NULL,
    finished_at BIGINT,
    complete BOOLEAN NOT NULL DEFAULT FALSE,
    settings TEXT NOT NULL DEFAULT '',
    sha256 TEXT,
    problems BIGINT NOT NULL DEFAULT 0 CHECK (problems >= 0),
    counts JSONB,
    tool_version TEXT NOT NULL,
    CHECK (NOT complete OR finished_at IS NOT NULL)
);
COMMENT ON TABLE snapshot IS 'One reading of a source. Only a complete one may say that something is gone.';
COMMENT ON COLUMN snapshot.id IS 'ULID';
COMMENT ON COLUMN snapshot.source_id IS 'what was read';
COMMENT ON COLUMN snapshot.started_at IS 'when reading began';
COMMENT ON COLUMN snapshot.taken_at IS 'the time that the contents speak of: of an import, when the export was made';
COMMENT ON COLUMN snapshot.finished_at IS 'when all of it was stored; NULL while it runs, or if it was cut off';
COMMENT ON COLUMN snapshot.complete IS 'was everything in scope read?';
COMMENT ON COLUMN snapshot.settings IS 'digest of the settings that decide what is seen; absence counts among equals';
COMMENT ON COLUMN snapshot.sha256 IS 'digest of an imported file: the same file again changes nothing';
COMMENT ON COLUMN snapshot.problems IS 'how many things could not be read';
COMMENT ON COLUMN snapshot.counts IS 'what it changed';
COMMENT ON COLUMN snapshot.tool_version IS 'the version of unleak that read it';
CREATE INDEX snapshot_of_source ON snapshot (source_id, started_at);

CREATE TABLE identity (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    kind TEXT NOT NULL CHECK (kind <> ''),
    provider TEXT NOT NULL CHECK (provider <> ''),
    account TEXT NOT NULL DEFAULT '',
    native_id TEXT NOT NULL CHECK (native_id <> ''),
    name TEXT NOT NULL,
    purpose TEXT,
    function TEXT,
    environment TEXT,
    criticality TEXT,
    data_class TEXT,
    privileged BOOLEAN,
    vendor_id TEXT REFERENCES vendor (id),
    state TEXT NOT NULL DEFAULT 'active'
        CHECK (state IN ('proposed', 'active', 'suspended', 'offboarding', 'offboarded', 'dismissed')),
    merged_into TEXT REFERENCES identity (id),
    created_by TEXT,
    native_created_at BIGINT,
    last_used_at BIGINT,
    expires_at BIGINT,
    review_due_at BIGINT,
    access_path TEXT,
    agent JSONB,
    relations JSONB,
    tags JSONB,
    raw JSONB,
    first_snapshot_id TEXT REFERENCES snapshot (id),
    last_snapshot_id TEXT REFERENCES snapshot (id),
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    vanished_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    UNIQUE (provider, account, native_id)
);
COMMENT ON TABLE identity IS 'A non-human identity: something that acts by itself and holds credentials.';
COMMENT ON COLUMN identity.id IS 'ULID';
COMMENT ON COLUMN identity.kind IS 'service account, role, bot, OAuth app, AI agent, …';
COMMENT ON COLUMN identity.provider IS 'the system that knows it';
COMMENT ON COLUMN identity.account IS 'tenant, account or organisation there';
COMMENT ON COLUMN identity.native_id IS 'its id there';
COMMENT ON COLUMN identity.name IS 'what people call it';
COMMENT ON COLUMN identity.purpose IS 'why it exists';
COMMENT ON COLUMN identity.function IS 'what it does';
COMMENT ON COLUMN identity.environment IS 'production, staging, …';
COMMENT ON COLUMN identity.criticality IS 'how bad it is if it stops';
COMMENT ON COLUMN identity.data_class IS 'the most sensitive data it reaches';
COMMENT ON COLUMN identity.privileged IS 'can it administer something?';
COMMENT ON COLUMN identity.vendor_id IS 'whose it is, if a third party''s';
COMMENT ON COLUMN identity.state IS 'its life';
COMMENT ON COLUMN identity.merged_into IS 'a proposed identity that turned out to be this one';
COMMENT ON COLUMN identity.created_by IS 'who made it, as its provider says';
COMMENT ON COLUMN identity.native_created_at IS 'when, as its provider says';
COMMENT ON COLUMN identity.last_used_at IS 'last use that its provider knows';
COMMENT ON COLUMN identity.expires_at IS 'when it ends by itself';
COMMENT ON COLUMN identity.review_due_at IS 'when its access must be reviewed';
COMMENT ON COLUMN identity.access_path IS 'how it gets in: network, federation, console';
COMMENT ON COLUMN identity.agent IS 'of an AI agent: sponsor, model, tools';
COMMENT ON COLUMN identity.relations IS 'list of what it is tied to elsewhere, such as federated roles';
COMMENT ON COLUMN identity.tags IS 'tags, labels and annotations, as names and values';
COMMENT ON COLUMN identity.raw IS 'fields of the export that have no column, without secret values';
COMMENT ON COLUMN identity.first_snapshot_id IS 'the reading that brought it';
COMMENT ON COLUMN identity.last_snapshot_id IS 'the reading that saw it last';
COMMENT ON COLUMN identity.first_seen_at IS 'when it was seen first';
COMMENT ON COLUMN identity.last_seen_at IS 'when it was seen last';
COMMENT ON COLUMN identity.vanished_at IS 'a complete reading no longer had it';
COMMENT ON COLUMN identity.created_at IS 'when the row was made';
COMMENT ON COLUMN identity.updated_at IS 'when the row changed last';
COMMENT ON COLUMN identity.version IS 'counts changes, so that a writer notices another';
CREATE INDEX identity_by_name ON identity (name);

CREATE TABLE credential (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    identity_id TEXT REFERENCES identity (id),
    provider TEXT NOT NULL CHECK (provider <> ''),
    account TEXT NOT NULL DEFAULT '',
    type TEXT NOT NULL CHECK (type <> ''),
    native_id TEXT NOT NULL CHECK (native_id <> ''),
    public_id TEXT,
    name TEXT,
    scopes JSONB,
    hint TEXT,
    status TEXT NOT NULL DEFAULT 'unknown'
        CHECK (status IN ('active', 'inactive', 'expired', 'revoked', 'deleted', 'unknown')),
    generation BIGINT CHECK (generation >= 1),
    replaced_by TEXT REFERENCES credential (id),
    environment TEXT,
    store_ref TEXT,
    revocation_capability TEXT NOT NULL DEFAULT 'unknown',
    native_created_at BIGINT,
    last_used_at BIGINT,
    last_rotated_at BIGINT,
    expires_at BIGINT,
    tombstoned_at BIGINT,
    tombstone_reason TEXT,
    raw JSONB,
    first_snapshot_id TEXT REFERENCES snapshot (id),
    last_snapshot_id TEXT REFERENCES snapshot (id),
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CHECK (tombstoned_at IS NULL OR status IN ('inactive', 'expired', 'revoked', 'deleted')),
    UNIQUE (provider, account, native_id)
);
COMMENT ON TABLE credential IS 'Something that lets an identity in. Never the secret itself.';
COMMENT ON COLUMN credential.id IS 'ULID';
COMMENT ON COLUMN credential.identity_id IS 'whose it is; NULL while nobody knows';
COMMENT ON COLUMN credential.provider IS 'the system that accepts it';
COMMENT ON COLUMN credential.account IS 'tenant, account or organisation there';
COMMENT ON COLUMN credential.type IS 'access key, token, client secret, certificate, …';
COMMENT ON COLUMN credential.native_id IS 'its id there';
COMMENT ON COLUMN credential.public_id IS 'the public part that a leaked copy shows, such as an access key id';
COMMENT ON COLUMN credential.name IS 'what people call it';
COMMENT ON COLUMN credential.scopes IS 'list of what it may do of what its identity may';
COMMENT ON COLUMN credential.hint IS 'first or last characters that its provider shows';
COMMENT ON COLUMN credential.status IS 'does it work?';
COMMENT ON COLUMN credential.generation IS '1 for the first credential of its series, 2 for its replacement, …';
COMMENT ON COLUMN credential.replaced_by IS 'the next generation';
COMMENT ON COLUMN credential.environment IS 'production, staging, …';
COMMENT ON COLUMN credential.store_ref IS 'where its value is kept: the path in a vault';
COMMENT ON COLUMN credential.revocation_capability IS 'how it can be revoked: reversible, final, manual, none, unknown';
COMMENT ON COLUMN credential.native_created_at IS 'when it was made';
COMMENT ON COLUMN credential.last_used_at IS 'last use that its provider knows';
COMMENT ON COLUMN credential.last_rotated_at IS 'when its value changed last';
COMMENT ON COLUMN credential.expires_at IS 'when it ends by itself';
COMMENT ON COLUMN credential.tombstoned_at IS 'when it was known to be dead; the row stays, so that old leaks still link to it';
COMMENT ON COLUMN credential.tombstone_reason IS 'why it is dead';
COMMENT ON COLUMN credential.raw IS 'fields of the export that have no column, without secret values';
COMMENT ON COLUMN credential.first_snapshot_id IS 'the reading that brought it';
COMMENT ON COLUMN credential.last_snapshot_id IS 'the reading that saw it last';
COMMENT ON COLUMN credential.first_seen_at IS 'when it was seen first';
COMMENT ON COLUMN credential.last_seen_at IS 'when it was seen last';
COMMENT ON COLUMN credential.created_at IS 'when the row was made';
COMMENT ON COLUMN credential.updated_at IS 'when the row changed last';
COMMENT ON COLUMN credential.version IS 'counts changes, so that a writer notices another';
CREATE INDEX credential_of_identity ON credential (identity_id);
CREATE INDEX credential_by_public_id ON credential (public_id);

CREATE TABLE credential_fp (
    credential_id TEXT NOT NULL REFERENCES credential (id) ON DELETE CASCADE,
    scheme TEXT NOT NULL CHECK (scheme <> ''),
    key_id TEXT NOT NULL,
    value TEXT NOT NULL CHECK (value <> ''),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (credential_id, scheme, key_id, value)
);
COMMENT ON TABLE credential_fp IS 'Fingerprints of a credential''s secret: several schemes and keys side by side. Not unique by value: two credentials with one secret are a finding of their own.';
COMMENT ON COLUMN credential_fp.credential_id IS 'the credential';
COMMENT ON COLUMN credential_fp.scheme IS 'how it was made, with its version';
COMMENT ON COLUMN credential_fp.key_id IS 'names the key; empty for digests without one (public keys)';
COMMENT ON COLUMN credential_fp.value IS 'the digest';
COMMENT ON COLUMN credential_fp.created_at IS 'when the row was made';
CREATE INDEX credential_fp_by_value ON credential_fp (value, scheme, key_id);

CREATE TABLE identity_grant (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    identity_id TEXT NOT NULL REFERENCES identity (id) ON DELETE CASCADE,
    resource TEXT NOT NULL,
    action TEXT NOT NULL,
    effect TEXT NOT NULL DEFAULT 'allow' CHECK (effect IN ('allow', 'deny')),
    via TEXT NOT NULL DEFAULT '',
    conditions JSONB,
    high_risk BOOLEAN,
    expires_at BIGINT,
    last_used_at BIGINT,
    snapshot_id TEXT REFERENCES snapshot (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (identity_id, resource, action, effect, via)
);
COMMENT ON TABLE identity_grant IS 'What an identity may do.';
COMMENT ON COLUMN identity_grant.id IS 'ULID';
COMMENT ON COLUMN identity_grant.identity_id IS 'who may';
COMMENT ON COLUMN identity_grant.resource IS 'on what';
COMMENT ON COLUMN identity_grant.action IS 'what: an action, a role, a scope';
COMMENT ON COLUMN identity_grant.effect IS 'may it, or may it not?';
COMMENT ON COLUMN identity_grant.via IS 'the policy, group or binding that says so';
COMMENT ON COLUMN identity_grant.conditions IS 'under which conditions';
COMMENT ON COLUMN identity_grant.high_risk IS 'administration, escalation, or everything';
COMMENT ON COLUMN identity_grant.expires_at IS 'until when';
COMMENT ON COLUMN identity_grant.last_used_at IS 'when it was used last, as its provider says';
COMMENT ON COLUMN identity_grant.snapshot_id IS 'the reading that saw it last';
COMMENT ON COLUMN identity_grant.created_at IS 'when the row was made';
COMMENT ON COLUMN identity_grant.updated_at IS 'when the row changed last';

CREATE TABLE credential_usage (
    credential_id TEXT NOT NULL REFERENCES credential (id) ON DELETE CASCADE,
    day_at BIGINT NOT NULL CHECK (day_at % 86400000 = 0),
    action TEXT NOT NULL DEFAULT '',
    origin TEXT NOT NULL DEFAULT '',
    agent TEXT NOT NULL DEFAULT '',
    uses BIGINT NOT NULL CHECK (uses >= 0),
    PRIMARY KEY (credential_id, day_at, action, origin, agent)
);
COMMENT ON TABLE credential_usage IS 'Uses of a credential, counted by day.';
COMMENT ON COLUMN credential_usage.credential_id IS 'what was used';
COMMENT ON COLUMN credential_usage.day_at IS 'the day, as its first millisecond';
COMMENT ON COLUMN credential_usage.action IS 'what for';
COMMENT ON COLUMN credential_usage.origin IS 'from where: network, workload';
COMMENT ON COLUMN credential_usage.agent IS 'with which program';
COMMENT ON COLUMN credential_usage.uses IS 'how often';

CREATE TABLE owner (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    kind TEXT NOT NULL CHECK (kind IN ('person', 'team')),
    ref TEXT NOT NULL UNIQUE CHECK (ref <> ''),
    name TEXT,
    email TEXT,
    active BOOLEAN,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
COMMENT ON TABLE owner IS 'A person or team who answers for identities.';
COMMENT ON COLUMN owner.id IS 'ULID';
COMMENT ON COLUMN owner.kind IS 'one or many';
COMMENT ON COLUMN owner.ref IS 'name in the directory: group:default/payments, @org/team, an address';
COMMENT ON COLUMN owner.name IS 'what people call it';
COMMENT ON COLUMN owner.email IS 'where messages go';
COMMENT ON COLUMN owner.active IS '0 once they have left';
COMMENT ON COLUMN owner.created_at IS 'when the row was made';
COMMENT ON COLUMN owner.updated_at IS 'when the row changed last';

CREATE TABLE ownership (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    identity_id TEXT REFERENCES identity (id) ON DELETE CASCADE,
    workload_ref TEXT,
    repository TEXT,
    pattern TEXT,
    pattern_line BIGINT,
    owner_id TEXT NOT NULL REFERENCES owner (id),
    role TEXT NOT NULL CHECK (role IN ('business', 'technical', 'backup')),
    origin TEXT NOT NULL
        CHECK (origin IN ('manual', 'tag', 'export', 'codeowners', 'backstage', 'inferred')),
    confidence BIGINT NOT NULL DEFAULT 100 CHECK (confidence BETWEEN 0 AND 100),
    reason TEXT,
    valid_from_at BIGINT,
    valid_to_at BIGINT,
    snapshot_id TEXT REFERENCES snapshot (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK (identity_id IS NOT NULL OR workload_ref IS NOT NULL OR repository IS NOT NULL)
);
COMMENT ON TABLE ownership IS 'Who answers for what, how that is known, and for how long it held. What is owned is an identity, or something that leads to identities: a workload, a repository, or the files of one that a pattern matches.';
COMMENT ON COLUMN ownership.id IS 'ULID';
COMMENT ON COLUMN ownership.identity_id IS 'the identity that is owned';
COMMENT ON COLUMN ownership.workload_ref IS 'the workload that is owned';
COMMENT ON COLUMN ownership.repository IS 'the repository that is owned; with a pattern it may be empty (the one at hand)';
COMMENT ON COLUMN ownership.pattern IS 'the files of it, as CODEOWNERS writes them';
COMMENT ON COLUMN ownership.pattern_line IS 'where the pattern stands: of several that match the greatest wins';
COMMENT ON COLUMN ownership.owner_id IS 'by whom';
COMMENT ON COLUMN ownership.role IS 'in which way';
COMMENT ON COLUMN ownership.origin IS 'how it is known';
COMMENT ON COLUMN ownership.confidence IS 'how sure, in per cent';
COMMENT ON COLUMN ownership.reason IS 'why, in words';
COMMENT ON COLUMN ownership.valid_from_at IS 'since when, if that is known';
COMMENT ON COLUMN ownership.valid_to_at IS 'until when; NULL while it holds';
COMMENT ON COLUMN ownership.snapshot_id IS 'the reading that saw it last';
COMMENT ON COLUMN ownership.created_at IS 'when the row was made';
COMMENT ON COLUMN ownership.updated_at IS 'when the row changed last';
CREATE UNIQUE INDEX ownership_now ON ownership (coalesce(identity_id, ''), coalesce(workload_ref, ''),
    coalesce(repository, ''), coalesce(pattern, ''), owner_id, role, origin) WHERE valid_to_at IS NULL;
CREATE INDEX ownership_of_identity ON ownership (identity_id);
CREATE INDEX ownership_of_repository ON ownership (repository);
CREATE INDEX ownership_of_owner ON ownership (owner_id);

CREATE TABLE workload (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    kind TEXT NOT NULL CHECK (kind <> ''),
    ref TEXT NOT NULL CHECK (ref <> ''),
    repo TEXT,
    environment TEXT,
    lifecycle TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (kind, ref)
);
COMMENT ON TABLE workload IS 'Something that runs: a service, pipeline, function, agent or device.';
COMMENT ON COLUMN workload.id IS 'ULID';
COMMENT ON COLUMN workload.kind IS 'service, pipeline, function, agent, device, …';
COMMENT ON COLUMN workload.ref IS 'its name where it is known';
COMMENT ON COLUMN workload.repo IS 'the repository that it is built from';
COMMENT ON COLUMN workload.environment IS 'production, staging, …';
COMMENT ON COLUMN workload.lifecycle IS 'experimental, production, deprecated, retired';
COMMENT ON COLUMN workload.created_at IS 'when the row was made';
COMMENT ON COLUMN workload.updated_at IS 'when the row changed last';

CREATE TABLE consumer (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    credential_id TEXT REFERENCES credential (id) ON DELETE CASCADE,
    name TEXT NOT NULL DEFAULT '',
    workload_id TEXT REFERENCES workload (id),
    distribution TEXT NOT NULL CHECK (distribution <> ''),
    locator TEXT NOT NULL,
    origin TEXT NOT NULL DEFAULT 'import',
    confirmed_at BIGINT,
    snapshot_id TEXT REFERENCES snapshot (id),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
COMMENT ON TABLE consumer IS 'Who uses a credential, and how it gets there: who breaks when it is replaced. A reference by name, such as a secret of a pipeline, stands here before anybody knows which credential it is.';
COMMENT ON COLUMN consumer.id IS 'ULID';
COMMENT ON COLUMN consumer.credential_id IS 'what is used, if known';
COMMENT ON COLUMN consumer.name IS 'the name by which it is used: a variable, a secret''s name, a path';
COMMENT ON COLUMN consumer.workload_id IS 'by whom, if known';
COMMENT ON COLUMN consumer.distribution IS 'vault, secret-manager, kubernetes-secret, file, …';
COMMENT ON COLUMN consumer.locator IS 'where exactly';
COMMENT ON COLUMN consumer.origin IS 'how it is known: import, scan, manual';
COMMENT ON COLUMN consumer.confirmed_at IS 'when somebody or something confirmed it';
COMMENT ON COLUMN consumer.snapshot_id IS 'the reading that saw it last';
COMMENT ON COLUMN consumer.created_at IS 'when the row was made';
COMMENT ON COLUMN consumer.updated_at IS 'when the row changed last';
CREATE UNIQUE INDEX consumer_place ON consumer (coalesce(credential_id, ''), name, coalesce(workload_id, ''), distribution,
    locator);
CREATE INDEX consumer_by_name ON consumer (name);

CREATE TABLE finding (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    fp TEXT NOT NULL UNIQUE CHECK (fp <> ''),
    fp_key_id TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,
    identity_kind TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    score BIGINT NOT NULL CHECK (score BETWEEN 0 AND 100),
    risk BIGINT NOT NULL CHECK (risk BETWEEN 0 AND 100),
    risk_reasons JSONB,
    preview TEXT NOT NULL,
    public_id TEXT,
    credential_id TEXT REFERENCES credential (id),
    validity TEXT NOT NULL DEFAULT 'unknown' CHECK (validity IN ('unknown', 'active', 'dead')),
    validity_at BIGINT,
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN
        ('open', 'linked', 'rotating', 'resolved', 'dismissed', 'excepted', 'regressed')),
    state_reason TEXT,
    state_actor TEXT,
    state_at BIGINT NOT NULL,
    state_until_at BIGINT,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    gone_at BIGINT,
    sla_due_at BIGINT,
    first_snapshot_id TEXT NOT NULL REFERENCES snapshot (id),
    last_snapshot_id TEXT NOT NULL REFERENCES snapshot (id),
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CHECK (state NOT IN ('dismissed', 'excepted') OR state_reason IS NOT NULL),
    CHECK (state <> 'excepted' OR state_until_at IS NOT NULL)
);
COMMENT ON TABLE finding IS 'A leaked secret: one row per rule and value, in however many places.';
COMMENT ON COLUMN finding.id IS 'ULID';
COMMENT ON COLUMN finding.fp IS 'fingerprint of rule and secret, as reports show it';
COMMENT ON COLUMN finding.fp_key_id IS 'names the key of the fingerprint';
COMMENT ON COLUMN finding.rule_id IS 'the rule that found it';
COMMENT ON COLUMN finding.provider IS 'whose credential it is';
COMMENT ON COLUMN finding.kind IS 'what it technically is: api-key, pat, password, …';
COMMENT ON COLUMN finding.identity_kind IS 'what it acts as';
COMMENT ON COLUMN finding.severity IS 'harm, if it works';
COMMENT ON COLUMN finding.score IS 'how sure it is a secret';
COMMENT ON COLUMN finding.risk IS 'lists are ordered by it';
COMMENT ON COLUMN finding.risk_reasons IS 'what the risk is made of';
COMMENT ON COLUMN finding.preview IS 'what may be shown of it';
COMMENT ON COLUMN finding.public_id IS 'public part that names its identity';
COMMENT ON COLUMN finding.credential_id IS 'the credential it is a copy of, once that is certain';
COMMENT ON COLUMN finding.validity IS 'does it work?';
COMMENT ON COLUMN finding.validity_at IS 'when that was found out';
COMMENT ON COLUMN finding.state IS 'its life';
COMMENT ON COLUMN finding.state_reason IS 'why it is in that state';
COMMENT ON COLUMN finding.state_actor IS 'who put it there';
COMMENT ON COLUMN finding.state_at IS 'since when';
COMMENT ON COLUMN finding.state_until_at IS 'until when: a dismissal or exception ends by itself';
COMMENT ON COLUMN finding.first_seen_at IS 'when it was found first';
COMMENT ON COLUMN finding.last_seen_at IS 'when it was found last';
COMMENT ON COLUMN finding.gone_at IS 'since when it stands nowhere any more; NULL while it does';
COMMENT ON COLUMN finding.sla_due_at IS 'when it must be dealt with';
COMMENT ON COLUMN finding.first_snapshot_id IS 'the scan that found it first';
COMMENT ON COLUMN finding.last_snapshot_id IS 'the scan that found it last';
COMMENT ON COLUMN finding.updated_at IS 'when the row changed last';
COMMENT ON COLUMN finding.version IS 'counts changes of state, so that a writer notices another';
CREATE INDEX finding_by_risk ON finding (risk DESC, id);
CREATE INDEX finding_by_state ON finding (state, risk DESC, id);
CREATE INDEX finding_by_rule ON finding (rule_id, risk DESC, id);
CREATE INDEX finding_by_credential ON finding (credential_id);
CREATE INDEX finding_by_public_id ON finding (public_id);
CREATE INDEX finding_by_first_snapshot ON finding (first_snapshot_id);

CREATE TABLE finding_fp (
    finding_id TEXT NOT NULL REFERENCES finding (id) ON DELETE CASCADE,
    scheme TEXT NOT NULL CHECK (scheme <> ''),
    key_id TEXT NOT NULL,
    value TEXT NOT NULL CHECK (value <> ''),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (finding_id, scheme, key_id, value)
);
COMMENT ON TABLE finding_fp IS 'Further fingerprints of a finding''s secret, comparable with those of credentials.';
COMMENT ON COLUMN finding_fp.finding_id IS 'the finding';
COMMENT ON COLUMN finding_fp.scheme IS 'how it was made, with its version';
COMMENT ON COLUMN finding_fp.key_id IS 'names the key; empty for digests without one';
COMMENT ON COLUMN finding_fp.value IS 'the digest';
COMMENT ON COLUMN finding_fp.created_at IS 'when the row was made';
CREATE INDEX finding_fp_by_value ON finding_fp (value, scheme, key_id);

CREATE TABLE occurrence (
    finding_id TEXT NOT NULL REFERENCES finding (id) ON DELETE CASCADE,
    source_id TEXT NOT NULL REFERENCES source (id),
    locator_key TEXT NOT NULL,
    kind TEXT NOT NULL,
    path TEXT,
    part TEXT NOT NULL,
    line BIGINT NOT NULL,
    column_number BIGINT NOT NULL,
    locator JSONB NOT NULL,
    commit_id TEXT,
    author TEXT,
    authored_at BIGINT,
    last_commit_id TEXT,
    last_commit_at BIGINT,
    at_head BOOLEAN,
    public BOOLEAN,
    present BOOLEAN NOT NULL DEFAULT TRUE,
    came_snapshot_id TEXT NOT NULL REFERENCES snapshot (id),
    last_snapshot_id TEXT NOT NULL REFERENCES snapshot (id),
    gone_snapshot_id TEXT REFERENCES snapshot (id),
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    gone_at BIGINT,
    CHECK (present = (gone_at IS NULL)),
    PRIMARY KEY (finding_id, source_id, locator_key)
);
COMMENT ON TABLE occurrence IS 'One place where a finding stands or stood.';
COMMENT ON COLUMN occurrence.finding_id IS 'the finding';
COMMENT ON COLUMN occurrence.source_id IS 'where it was read';
COMMENT ON COLUMN occurrence.locator_key IS 'names the place in the source; stable when lines move';
COMMENT ON COLUMN occurrence.kind IS 'file, git, named, message, …';
COMMENT ON COLUMN occurrence.path IS 'path in the source';
COMMENT ON COLUMN occurrence.part IS 'content, name or link-target';
COMMENT ON COLUMN occurrence.line IS 'line of the first byte, from 1';
COMMENT ON COLUMN occurrence.column_number IS 'column of the first byte, in bytes from 1';
COMMENT ON COLUMN occurrence.locator IS 'all that is known of the place';
COMMENT ON COLUMN occurrence.commit_id IS 'of git: the commit that brought it';
COMMENT ON COLUMN occurrence.author IS 'who wrote it there: name and address as the source has them';
COMMENT ON COLUMN occurrence.authored_at IS 'when, by the author''s clock';
COMMENT ON COLUMN occurrence.last_commit_id IS 'of git: the last commit that has it';
COMMENT ON COLUMN occurrence.last_commit_at IS 'when that was made';
COMMENT ON COLUMN occurrence.at_head IS 'of git: does the commit at HEAD have it?';
COMMENT ON COLUMN occurrence.public IS 'can everybody read it?';
COMMENT ON COLUMN occurrence.present IS 'was it there when the source was last read in full?';
COMMENT ON COLUMN occurrence.came_snapshot_id IS 'the scan since which it has been there without a gap';
COMMENT ON COLUMN occurrence.last_snapshot_id IS 'the scan that saw it last';
COMMENT ON COLUMN occurrence.gone_snapshot_id IS 'the scan that no longer saw it';
COMMENT ON COLUMN occurrence.first_seen_at IS 'when it was seen first';
COMMENT ON COLUMN occurrence.last_seen_at IS 'when it was seen last';
COMMENT ON COLUMN occurrence.gone_at IS 'since when it has been gone';
CREATE INDEX occurrence_present ON occurrence (source_id, last_snapshot_id) WHERE present;
CREATE INDEX occurrence_gone ON occurrence (gone_snapshot_id) WHERE gone_snapshot_id IS NOT NULL;

CREATE TABLE link (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    finding_id TEXT NOT NULL REFERENCES finding (id) ON DELETE CASCADE,
    credential_id TEXT REFERENCES credential (id),
    identity_id TEXT REFERENCES identity (id),
    tier TEXT NOT NULL CHECK (tier IN ('A0', 'A1', 'A2', 'B1', 'B2', 'C')),
    confidence DOUBLE PRECISION NOT NULL CHECK (confidence BETWEEN 0.0 AND 1.0),
    status TEXT NOT NULL CHECK (status IN ('auto', 'confirmed', 'rejected', 'ambiguous')),
    actor TEXT,
    reason TEXT,
    evidence JSONB NOT NULL,
    engine_version TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CHECK (credential_id IS NOT NULL OR identity_id IS NOT NULL)
);
COMMENT ON TABLE link IS 'Why a finding is believed to be a copy of a credential, or to belong to an identity.';
COMMENT ON COLUMN link.id IS 'ULID';
COMMENT ON COLUMN link.finding_id IS 'what leaked';
COMMENT ON COLUMN link.credential_id IS 'what it is a copy of, if that is known';
COMMENT ON COLUMN link.identity_id IS 'whose it is';
COMMENT ON COLUMN link.tier IS 'the kind of the best evidence';
COMMENT ON COLUMN link.confidence IS 'how sure';
COMMENT ON COLUMN link.status IS 'who believes it';
COMMENT ON COLUMN link.actor IS 'who confirmed or rejected it';
COMMENT ON COLUMN link.reason IS 'why, in words';
COMMENT ON COLUMN link.evidence IS 'list of {rule, finding_field, inventory_field, value, weight}';
COMMENT ON COLUMN link.engine_version IS 'the version of the rules that made it';
COMMENT ON COLUMN link.created_at IS 'when the row was made';
COMMENT ON COLUMN link.updated_at IS 'when the row changed last';
CREATE UNIQUE INDEX link_to_credential ON link (finding_id, credential_id) WHERE credential_id IS NOT NULL;
CREATE UNIQUE INDEX link_to_identity ON link (finding_id, identity_id) WHERE credential_id IS NULL;
CREATE INDEX link_of_credential ON link (credential_id);
CREATE INDEX link_of_identity ON link (identity_id);

CREATE TABLE rotation_plan (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    credential_id TEXT NOT NULL REFERENCES credential (id),
    trigger_kind TEXT NOT NULL CHECK (trigger_kind IN ('finding', 'schedule', 'offboarding', 'manual', 'campaign')),
    strategy TEXT NOT NULL CHECK (strategy IN ('dual', 'single', 'revoke', 'emergency')),
    plan TEXT NOT NULL CHECK (plan::jsonb IS NOT NULL),
    plan_hash TEXT NOT NULL CHECK (length(plan_hash) = 64),
    requester TEXT NOT NULL,
    approvals_required BIGINT NOT NULL DEFAULT 1 CHECK (approvals_required >= 0),
    state TEXT NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'awaiting_approval', 'approved', 'running', 'done',
        'failed', 'cancelled', 'expired')),
    deadline_at BIGINT,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1
);
COMMENT ON TABLE rotation_plan IS 'How a credential is to be replaced. What is approved is the digest of `plan`.';
COMMENT ON COLUMN rotation_plan.id IS 'ULID';
COMMENT ON COLUMN rotation_plan.credential_id IS 'what is to be replaced';
COMMENT ON COLUMN rotation_plan.trigger_kind IS 'why';
COMMENT ON COLUMN rotation_plan.strategy IS 'in which order';
COMMENT ON COLUMN rotation_plan.plan IS 'steps, calls, consumers, owner: canonical JSON, never reformatted';
COMMENT ON COLUMN rotation_plan.plan_hash IS 'SHA-256 of `plan`, hexadecimal';
COMMENT ON COLUMN rotation_plan.requester IS 'who asked for it';
COMMENT ON COLUMN rotation_plan.approvals_required IS 'how many must agree';
COMMENT ON COLUMN rotation_plan.state IS 'its life';
COMMENT ON COLUMN rotation_plan.deadline_at IS 'when it should be done, by the policy';
COMMENT ON COLUMN rotation_plan.expires_at IS 'when it must be made anew';
COMMENT ON COLUMN rotation_plan.created_at IS 'when the row was made';
COMMENT ON COLUMN rotation_plan.updated_at IS 'when the row changed last';
COMMENT ON COLUMN rotation_plan.version IS 'counts changes, so that a writer notices another';
CREATE UNIQUE INDEX rotation_plan_open ON rotation_plan (credential_id)
    WHERE state IN ('draft', 'awaiting_approval', 'approved', 'running');

CREATE TABLE approval (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    plan_id TEXT NOT NULL REFERENCES rotation_plan (id),
    actor TEXT NOT NULL CHECK (actor <> ''),
    decision TEXT NOT NULL CHECK (decision IN ('approve', 'reject')),
    plan_hash TEXT NOT NULL CHECK (length(plan_hash) = 64),
    reason TEXT,
    decided_at BIGINT NOT NULL,
    expires_at BIGINT,
    UNIQUE (plan_id, actor, plan_hash)
);
COMMENT ON TABLE approval IS 'Who agreed to a plan, or didn''t.';
COMMENT ON COLUMN approval.id IS 'ULID';
COMMENT ON COLUMN approval.plan_id IS 'the plan';
COMMENT ON COLUMN approval.actor IS 'who';
COMMENT ON COLUMN approval.decision IS 'what they said';
COMMENT ON COLUMN approval.plan_hash IS 'of the plan that they saw';
COMMENT ON COLUMN approval.reason IS 'why';
COMMENT ON COLUMN approval.decided_at IS 'when';
COMMENT ON COLUMN approval.expires_at IS 'until when it counts';

CREATE TABLE rotation_run (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    plan_id TEXT NOT NULL REFERENCES rotation_plan (id),
    credential_id TEXT NOT NULL REFERENCES credential (id),
    strategy TEXT NOT NULL CHECK (strategy IN ('dual', 'single', 'revoke', 'emergency')),
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'creating', 'distributing', 'verifying_new',
        'observing', 'deactivating', 'verifying_dead', 'grace', 'deleting', 'done', 'paused', 'failed_retryable',
        'manual_action', 'rolling_back', 'rolled_back', 'cancelled')),
    resume_state TEXT,
    new_credential_id TEXT REFERENCES credential (id),
    lease_owner TEXT,
    lease_until_at BIGINT,
    new_verified_at BIGINT,
    dead_proven_at BIGINT,
    proofs JSONB,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    updated_at BIGINT NOT NULL,
    version BIGINT NOT NULL DEFAULT 1,
    CHECK (state <> 'deleting' OR strategy IN ('revoke', 'emergency') OR new_verified_at IS NOT NULL),
    CHECK ((state IN ('done', 'rolled_back', 'cancelled')) = (finished_at IS NOT NULL))
);
COMMENT ON TABLE rotation_run IS 'One execution of a plan.';
COMMENT ON COLUMN rotation_run.id IS 'ULID';
COMMENT ON COLUMN rotation_run.plan_id IS 'the plan';
COMMENT ON COLUMN rotation_run.credential_id IS 'what is replaced';
COMMENT ON COLUMN rotation_run.strategy IS 'in which order';
COMMENT ON COLUMN rotation_run.state IS 'how far it is';
COMMENT ON COLUMN rotation_run.resume_state IS 'where a paused or failed run goes on';
COMMENT ON COLUMN rotation_run.new_credential_id IS 'what replaces it';
COMMENT ON COLUMN rotation_run.lease_owner IS 'which process works on it';
COMMENT ON COLUMN rotation_run.lease_until_at IS 'until when that process may';
COMMENT ON COLUMN rotation_run.new_verified_at IS 'when the new credential was seen to work';
COMMENT ON COLUMN rotation_run.dead_proven_at IS 'when the old one was seen to be refused';
COMMENT ON COLUMN rotation_run.proofs IS 'what was seen';
COMMENT ON COLUMN rotation_run.started_at IS 'when it began';
COMMENT ON COLUMN rotation_run.finished_at IS 'when it ended';
COMMENT ON COLUMN rotation_run.updated_at IS 'when the row changed last';
COMMENT ON COLUMN rotation_run.version IS 'counts changes, so that a writer notices another';
CREATE UNIQUE INDEX rotation_run_active ON rotation_run (credential_id)
    WHERE state NOT IN ('done', 'rolled_back', 'cancelled');

CREATE TABLE run_step (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    run_id TEXT NOT NULL REFERENCES rotation_run (id),
    n BIGINT NOT NULL CHECK (n >= 1),
    op TEXT NOT NULL CHECK (op <> ''),
    idem_key TEXT NOT NULL UNIQUE CHECK (idem_key <> ''),
    intent_at BIGINT NOT NULL,
    request JSONB,
    receipt JSONB,
    outcome TEXT NOT NULL DEFAULT 'pending'
        CHECK (outcome IN ('pending', 'done', 'failed', 'unknown', 'skipped')),
    attempts BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_at BIGINT,
    error TEXT,
    updated_at BIGINT NOT NULL,
    CHECK (outcome <> 'done' OR receipt IS NOT NULL),
    UNIQUE (run_id, n)
);
COMMENT ON TABLE run_step IS 'One step of a run: its intent is written before the call, its receipt after.';
COMMENT ON COLUMN run_step.id IS 'ULID';
COMMENT ON COLUMN run_step.run_id IS 'the run';
COMMENT ON COLUMN run_step.n IS 'its place in the run';
COMMENT ON COLUMN run_step.op IS 'what is done';
COMMENT ON COLUMN run_step.idem_key IS 'the same for every attempt';
COMMENT ON COLUMN run_step.intent_at IS 'when it was about to be done';
COMMENT ON COLUMN run_step.request IS 'what is asked for, without secrets';
COMMENT ON COLUMN run_step.receipt IS 'what was answered, without secrets';
COMMENT ON COLUMN run_step.outcome IS 'how it went';
COMMENT ON COLUMN run_step.attempts IS 'how often it was tried';
COMMENT ON COLUMN run_step.next_at IS 'when to try again';
COMMENT ON COLUMN run_step.error IS 'why it failed, without secrets';
COMMENT ON COLUMN run_step.updated_at IS 'when the row changed last';

CREATE TABLE policy (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    name TEXT NOT NULL CHECK (name <> ''),
    revision BIGINT NOT NULL CHECK (revision >= 1),
    selector JSONB NOT NULL,
    rules JSONB NOT NULL,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at BIGINT NOT NULL,
    UNIQUE (name, revision)
);
COMMENT ON TABLE policy IS 'What is required of identities and credentials. Versions are kept.';
COMMENT ON COLUMN policy.id IS 'ULID';
COMMENT ON COLUMN policy.name IS 'what it is called';
COMMENT ON COLUMN policy.revision IS 'the how-manieth text of that name';
COMMENT ON COLUMN policy.selector IS 'which identities or credentials';
COMMENT ON COLUMN policy.rules IS 'ages, owners, approvals, deadlines, freeze windows';
COMMENT ON COLUMN policy.active IS 'is it in force?';
COMMENT ON COLUMN policy.created_at IS 'when the row was made';

CREATE TABLE exception (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('finding', 'credential', 'identity')),
    subject_id TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    owner TEXT NOT NULL CHECK (owner <> ''),
    purpose TEXT NOT NULL CHECK (purpose <> ''),
    compensating_controls TEXT,
    approved_by TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'expired', 'revoked')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
COMMENT ON TABLE exception IS 'Who may break which rule, why, and until when.';
COMMENT ON COLUMN exception.id IS 'ULID';
COMMENT ON COLUMN exception.subject_kind IS 'what is excepted';
COMMENT ON COLUMN exception.subject_id IS 'its id';
COMMENT ON COLUMN exception.rule_id IS 'the rule of the policy; `*` for all';
COMMENT ON COLUMN exception.owner IS 'who carries the risk';
COMMENT ON COLUMN exception.purpose IS 'why';
COMMENT ON COLUMN exception.compensating_controls IS 'what is done instead';
COMMENT ON COLUMN exception.approved_by IS 'who agreed';
COMMENT ON COLUMN exception.expires_at IS 'until when: there is no exception for ever';
COMMENT ON COLUMN exception.state IS 'its life';
COMMENT ON COLUMN exception.created_at IS 'when the row was made';
COMMENT ON COLUMN exception.updated_at IS 'when the row changed last';
CREATE UNIQUE INDEX exception_active ON exception (subject_kind, subject_id, rule_id) WHERE state = 'active';

CREATE TABLE audit_event (
    seq BIGINT PRIMARY KEY CHECK (seq >= 1),
    at BIGINT NOT NULL,
    actor TEXT NOT NULL CHECK (actor <> ''),
    action TEXT NOT NULL CHECK (action <> ''),
    subject TEXT NOT NULL,
    data TEXT NOT NULL CHECK (data::jsonb IS NOT NULL),
    prev_hash TEXT NOT NULL CHECK (length(prev_hash) = 64),
    hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64)
);
COMMENT ON TABLE audit_event IS 'What was done, by whom, when. Each event is chained to the one before; nothing here is ever changed or deleted.';
COMMENT ON COLUMN audit_event.seq IS '1, 2, 3, … without a gap';
COMMENT ON COLUMN audit_event.at IS 'when';
COMMENT ON COLUMN audit_event.actor IS 'who';
COMMENT ON COLUMN audit_event.action IS 'what, such as finding.dismiss';
COMMENT ON COLUMN audit_event.subject IS 'of what: kind and id';
COMMENT ON COLUMN audit_event.data IS 'the rest: canonical JSON, never reformatted';
COMMENT ON COLUMN audit_event.prev_hash IS 'hash of the event before; zeros for the first';
COMMENT ON COLUMN audit_event.hash IS 'SHA-256 of the hash before and this event, hexadecimal';
CREATE INDEX audit_event_by_subject ON audit_event (subject, seq);

CREATE TABLE audit_head (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL CHECK (seq >= 0),
    hash TEXT NOT NULL CHECK (length(hash) = 64)
);
COMMENT ON TABLE audit_head IS 'The end of the chain. Who appends locks this row, so that there is one end.';
COMMENT ON COLUMN audit_head.id IS 'always 1: there is one row';
COMMENT ON COLUMN audit_head.seq IS 'number of the last event; 0 if there is none';
COMMENT ON COLUMN audit_head.hash IS 'its hash';

CREATE TABLE checkpoint (
    seq BIGINT PRIMARY KEY REFERENCES audit_event (seq),
    hash TEXT NOT NULL CHECK (length(hash) = 64),
    at BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    public_key TEXT NOT NULL CHECK (length(public_key) = 64),
    signature TEXT NOT NULL CHECK (length(signature) = 128)
);
COMMENT ON TABLE checkpoint IS 'Signed statements of how the chain stood: what comes before one can''t be rewritten unnoticed.';
COMMENT ON COLUMN checkpoint.seq IS 'the event that was last';
COMMENT ON COLUMN checkpoint.hash IS 'its hash';
COMMENT ON COLUMN checkpoint.at IS 'when it was signed';
COMMENT ON COLUMN checkpoint.key_id IS 'names the key';
COMMENT ON COLUMN checkpoint.public_key IS 'Ed25519, hexadecimal';
COMMENT ON COLUMN checkpoint.signature IS 'Ed25519 over the canonical JSON of the above, hexadecimal';

CREATE TABLE outbox (
    id TEXT PRIMARY KEY CHECK (length(id) = 26),
    event_key TEXT NOT NULL,
    destination TEXT NOT NULL CHECK (destination <> ''),
    event TEXT NOT NULL CHECK (event::jsonb IS NOT NULL),
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_at BIGINT NOT NULL,
    lease_owner TEXT,
    lease_until_at BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (destination, event_key)
);
COMMENT ON TABLE outbox IS 'Events that must be delivered: written with the change that they tell of.';
COMMENT ON COLUMN outbox.id IS 'ULID; the event''s id';
COMMENT ON COLUMN outbox.event_key IS 'what makes it one event however often it is noticed';
COMMENT ON COLUMN outbox.destination IS 'name of the configured receiver';
COMMENT ON COLUMN outbox.event IS 'the body, byte for byte as it is signed';
COMMENT ON COLUMN outbox.state IS 'its life';
COMMENT ON COLUMN outbox.attempts IS 'how often it was sent';
COMMENT ON COLUMN outbox.next_at IS 'when to send it next';
COMMENT ON COLUMN outbox.lease_owner IS 'which process is sending it';
COMMENT ON COLUMN outbox.lease_until_at IS 'until when that process may';
COMMENT ON COLUMN outbox.created_at IS 'when the row was made';
COMMENT ON COLUMN outbox.updated_at IS 'when the row changed last';
CREATE INDEX outbox_due ON outbox (next_at) WHERE state = 'pending';

CREATE TABLE delivery (
    outbox_id TEXT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    attempt BIGINT NOT NULL CHECK (attempt >= 1),
    at BIGINT NOT NULL,
    duration_ms BIGINT CHECK (duration_ms >= 0),
    status BIGINT,
    error TEXT,
    PRIMARY KEY (outbox_id, attempt)
);
COMMENT ON TABLE delivery IS 'Attempts to deliver.';
COMMENT ON COLUMN delivery.outbox_id IS 'the event';
COMMENT ON COLUMN delivery.attempt IS 'the how-manieth';
COMMENT ON COLUMN delivery.at IS 'when';
COMMENT ON COLUMN delivery.duration_ms IS 'how long it took';
COMMENT ON COLUMN delivery.status IS 'status code of the answer, if there was one';
COMMENT ON COLUMN delivery.error IS 'why it failed, without secrets';

INSERT INTO state_edge (machine, from_state, to_state) VALUES
    ('finding', 'open', 'linked'), ('finding', 'open', 'rotating'), ('finding', 'open', 'resolved'),
    ('finding', 'open', 'dismissed'), ('finding', 'open', 'excepted'),
    ('finding', 'linked', 'open'), ('finding', 'linked', 'rotating'), ('finding', 'linked', 'resolved'),
    ('finding', 'linked', 'dismissed'), ('finding', 'linked', 'excepted'),
    ('finding', 'rotating', 'linked'), ('finding', 'rotating', 'open'), ('finding', 'rotating', 'resolved'),
    ('finding', 'resolved', 'regressed'), ('finding', 'resolved', 'open'),
    ('finding', 'dismissed', 'open'), ('finding', 'excepted', 'open'), ('finding', 'excepted', 'resolved'),
    ('finding', 'regressed', 'open'), ('finding', 'regressed', 'linked'), ('finding', 'regressed', 'rotating'),
    ('finding', 'regressed', 'resolved'), ('finding', 'regressed', 'dismissed'), ('finding', 'regressed', 'excepted'),
    ('identity', 'proposed', 'active'), ('identity', 'proposed', 'dismissed'), ('identity', 'dismissed', 'proposed'),
    ('identity', 'active', 'suspended'), ('identity', 'active', 'offboarding'), ('identity', 'active', 'offboarded'),
    ('identity', 'suspended', 'active'), ('identity', 'suspended', 'offboarding'), ('identity', 'suspended', 'offboarded'),
    ('identity', 'offboarding', 'active'), ('identity', 'offboarding', 'offboarded'), ('identity', 'offboarded', 'active'),
    ('exception', 'active', 'expired'), ('exception', 'active', 'revoked'),
    ('outbox', 'pending', 'delivered'), ('outbox', 'pending', 'dead'), ('outbox', 'dead', 'pending'),
    ('rotation_plan', 'draft', 'awaiting_approval'), ('rotation_plan', 'draft', 'approved'),
    ('rotation_plan', 'draft', 'cancelled'), ('rotation_plan', 'draft', 'expired'),
    ('rotation_plan', 'awaiting_approval', 'approved'), ('rotation_plan', 'awaiting_approval', 'cancelled'),
    ('rotation_plan', 'awaiting_approval', 'expired'), ('rotation_plan', 'approved', 'running'),
    ('rotation_plan', 'approved', 'cancelled'), ('rotation_plan', 'approved', 'expired'),
    ('rotation_plan', 'running', 'done'), ('rotation_plan', 'running', 'failed'), ('rotation_plan', 'running', 'cancelled'),
    ('rotation_run', 'verifying_dead', 'creating'), ('rotation_run', 'deactivating', 'creating'),
    ('rotation_run', 'rolling_back', 'rolled_back'), ('rotation_run', 'rolling_back', 'manual_action'),
    ('rotation_run', 'rolling_back', 'failed_retryable'), ('rotation_run', 'failed_retryable', 'rolling_back'),
    ('rotation_run', 'manual_action', 'rolling_back'), ('rotation_run', 'paused', 'rolling_back'),
    ('rotation_run', 'failed_retryable', 'manual_action'), ('rotation_run', 'failed_retryable', 'paused'),
    ('rotation_run', 'manual_action', 'rolled_back'), ('rotation_run', 'manual_action', 'done'),
    ('rotation_run', 'pending', 'cancelled'), ('rotation_run', 'paused', 'cancelled'),
    ('rotation_run', 'manual_action', 'cancelled'), ('rotation_run', 'failed_retryable', 'cancelled');

-- A run goes forward along its steps; a strategy may leave steps out. Each step may stop, and go on where it stopped.
WITH step (n, name) AS (VALUES (1, 'pending'), (2, 'creating'), (3, 'distributing'), (4, 'verifying_new'), (5, 'observing'),
    (6, 'deactivating'), (7, 'verifying_dead'), (8, 'grace'), (9, 'deleting'), (10, 'done')),
    stop (name) AS (VALUES ('paused'), ('failed_retryable'), ('manual_action'))
INSERT INTO state_edge (machine, from_state, to_state)
    SELECT 'rotation_run', a.name, b.name FROM step AS a JOIN step AS b ON a.n < b.n
    UNION ALL
    SELECT 'rotation_run', a.name, s.name FROM step AS a JOIN stop AS s ON a.n < 10
    UNION ALL
    SELECT 'rotation_run', s.name, a.name FROM step AS a JOIN stop AS s ON a.n < 10
    UNION ALL
    -- Once the old credential is deleted there is nothing to go back to.
    SELECT 'rotation_run', a.name, 'rolling_back' FROM step AS a WHERE a.n BETWEEN 2 AND 8;

INSERT INTO audit_head (id, seq, hash)
    VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- States change along the edges of `state_edge` only, and begin at their beginning.
CREATE FUNCTION unleak_state_edge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND NOT EXISTS (
        SELECT 1 FROM state_edge WHERE machine = TG_TABLE_NAME AND from_state = OLD.state AND to_state = NEW.state) THEN
        RAISE EXCEPTION 'unleak: no such change of state of %', TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION unleak_first_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT NEW.state = ANY (TG_ARGV) THEN
        RAISE EXCEPTION 'unleak: not a first state of %', TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER finding_state_edge BEFORE UPDATE OF state ON finding
    FOR EACH ROW EXECUTE FUNCTION unleak_state_edge();
CREATE TRIGGER finding_first_state BEFORE INSERT ON finding
    FOR EACH ROW EXECUTE FUNCTION unleak_first_state('open');
CREATE TRIGGER identity_state_edge BEFORE UPDATE OF state ON identity
    FOR EACH ROW EXECUTE FUNCTION unleak_state_edge();
CREATE TRIGGER identity_first_state BEFORE INSERT ON identity
    FOR EACH ROW EXECUTE FUNCTION unleak_first_state('proposed', 'active', 'suspended');
CREATE TRIGGER exception_state_edge BEFORE UPDATE OF state ON exception
    FOR EACH ROW EXECUTE FUNCTION unleak_state_edge();
CREATE TRIGGER exception_first_state BEFORE INSERT ON exception
    FOR EACH ROW EXECUTE FUNCTION unleak_first_state('active');
CREATE TRIGGER outbox_state_edge BEFORE UPDATE OF state ON outbox
    FOR EACH ROW EXECUTE FUNCTION unleak_state_edge();
CREATE TRIGGER outbox_first_state BEFORE INSERT ON outbox
    FOR EACH ROW EXECUTE FUNCTION unleak_first_state('pending');
CREATE TRIGGER rotation_plan_state_edge BEFORE UPDATE OF state ON rotation_plan
    FOR EACH ROW EXECUTE FUNCTION unleak_state_edge();
CREATE TRIGGER rotation_plan_first_state BEFORE INSERT ON rotation_plan
    FOR EACH ROW EXECUTE FUNCTION unleak_first_state('draft');
CREATE TRIGGER rotation_run_state_edge BEFORE UPDATE OF state ON rotation_run
    FOR EACH ROW EXECUTE FUNCTION unleak_state_edge();
CREATE TRIGGER rotation_run_first_state BEFORE INSERT ON rotation_run
    FOR EACH ROW EXECUTE FUNCTION unleak_first_state('pending');

-- What was written into the log stays as it is.
CREATE FUNCTION unleak_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'unleak: % is append-only', TG_TABLE_NAME;
END $$;
CREATE TRIGGER audit_event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION unleak_append_only();
CREATE TRIGGER checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION unleak_append_only();
