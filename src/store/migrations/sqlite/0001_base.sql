-- The base: what was found, whose it is, how it is replaced, and who did what.
--
-- Ids are ULIDs (26 characters, they sort by time). Times are milliseconds since 1970 in UTC, and end in `_at`. A boolean is
-- 0 or 1; NULL is "not known". JSON is text that is valid JSON. No column ever holds bytes of a secret: only keyed
-- fingerprints of it, and previews that show the fixed beginning of its format.

-- This store.
CREATE TABLE store_info (
    id INTEGER PRIMARY KEY CHECK (id = 1), -- always 1: there is one row
    store_id TEXT NOT NULL CHECK (length(store_id) = 26), -- names the store in signed checkpoints and events
    created_at INTEGER NOT NULL -- when the store was made
) STRICT;

-- From which state to which state a row may go. A trigger of each table with a `state` asks here.
CREATE TABLE state_edge (
    machine TEXT NOT NULL, -- the table whose states these are
    from_state TEXT NOT NULL, -- the state before
    to_state TEXT NOT NULL, -- the state after
    PRIMARY KEY (machine, from_state, to_state)
) STRICT;

-- A vendor who runs software or holds credentials of ours.
CREATE TABLE vendor (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    name TEXT NOT NULL UNIQUE CHECK (name <> ''), -- what the vendor is called
    contact TEXT, -- whom to write to when a credential leaks
    contract_end_at INTEGER, -- end of the contract: credentials outlive it wrongly
    reviewed_at INTEGER, -- last security review
    created_at INTEGER NOT NULL, -- when the row was made
    updated_at INTEGER NOT NULL -- when the row changed last
) STRICT;

-- Where things come from: a repository or directory that is scanned, an inventory that is imported.
CREATE TABLE source (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    category TEXT NOT NULL CHECK (category IN ('scan', 'inventory', 'fingerprints')), -- what it yields
    kind TEXT NOT NULL CHECK (kind <> ''), -- the reader: files, stdin, report, aws-credential-report, …
    scope TEXT NOT NULL, -- what of it: a name, a path, an account; without credentials
    config_ref TEXT, -- where its settings stand
    created_at INTEGER NOT NULL, -- when it was first read
    updated_at INTEGER NOT NULL, -- when it was last read
    UNIQUE (category, kind, scope)
) STRICT;

-- One reading of a source. Only a complete one may say that something is gone.
CREATE TABLE snapshot (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    source_id TEXT NOT NULL REFERENCES source (id), -- what was read
    started_at INTEGER NOT NULL, -- when reading began
    taken_at INTEGER NOT NULL, -- the time that the contents speak of: of an import, when the export was made
    finished_at INTEGER, -- when all of it was stored; NULL while it runs, or if it was cut off
    complete INTEGER NOT NULL DEFAULT 0 CHECK (complete IN (0, 1)), -- was everything in scope read?
    settings TEXT NOT NULL DEFAULT '', -- digest of the settings that decide what is seen; absence counts among equals
    sha256 TEXT, -- digest of an imported file: the same file again changes nothing
    problems INTEGER NOT NULL DEFAULT 0 CHECK (problems >= 0), -- how many things could not be read
    counts TEXT CHECK (json_valid(counts)), -- what it changed
    tool_version TEXT NOT NULL, -- the version of unleak that read it
    CHECK (NOT complete OR finished_at IS NOT NULL)
) STRICT;
CREATE INDEX snapshot_of_source ON snapshot (source_id, started_at);

-- A non-human identity: something that acts by itself and holds credentials.
CREATE TABLE identity (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    kind TEXT NOT NULL CHECK (kind <> ''), -- service account, role, bot, OAuth app, AI agent, …
    provider TEXT NOT NULL CHECK (provider <> ''), -- the system that knows it
    account TEXT NOT NULL DEFAULT '', -- tenant, account or organisation there
    native_id TEXT NOT NULL CHECK (native_id <> ''), -- its id there
    name TEXT NOT NULL, -- what people call it
    purpose TEXT, -- why it exists
    function TEXT, -- what it does
    environment TEXT, -- production, staging, …
    criticality TEXT, -- how bad it is if it stops
    data_class TEXT, -- the most sensitive data it reaches
    privileged INTEGER CHECK (privileged IN (0, 1)), -- can it administer something?
    vendor_id TEXT REFERENCES vendor (id), -- whose it is, if a third party's
    state TEXT NOT NULL DEFAULT 'active'
        CHECK (state IN ('proposed', 'active', 'suspended', 'offboarding', 'offboarded', 'dismissed')), -- its life
    merged_into TEXT REFERENCES identity (id), -- a proposed identity that turned out to be this one
    created_by TEXT, -- who made it, as its provider says
    native_created_at INTEGER, -- when, as its provider says
    last_used_at INTEGER, -- last use that its provider knows
    expires_at INTEGER, -- when it ends by itself
    review_due_at INTEGER, -- when its access must be reviewed
    access_path TEXT, -- how it gets in: network, federation, console
    agent TEXT CHECK (json_valid(agent)), -- of an AI agent: sponsor, model, tools
    relations TEXT CHECK (json_valid(relations)), -- list of what it is tied to elsewhere, such as federated roles
    tags TEXT CHECK (json_valid(tags)), -- tags, labels and annotations, as names and values
    raw TEXT CHECK (json_valid(raw)), -- fields of the export that have no column, without secret values
    first_snapshot_id TEXT REFERENCES snapshot (id), -- the reading that brought it
    last_snapshot_id TEXT REFERENCES snapshot (id), -- the reading that saw it last
    first_seen_at INTEGER NOT NULL, -- when it was seen first
    last_seen_at INTEGER NOT NULL, -- when it was seen last
    vanished_at INTEGER, -- a complete reading no longer had it
    created_at INTEGER NOT NULL, -- when the row was made
    updated_at INTEGER NOT NULL, -- when the row changed last
    version INTEGER NOT NULL DEFAULT 1, -- counts changes, so that a writer notices another
    UNIQUE (provider, account, native_id)
) STRICT;
CREATE INDEX identity_by_name ON identity (name);

-- Something that lets an identity in. Never the secret itself.
CREATE TABLE credential (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    identity_id TEXT REFERENCES identity (id), -- whose it is; NULL while nobody knows
    provider TEXT NOT NULL CHECK (provider <> ''), -- the system that accepts it
    account TEXT NOT NULL DEFAULT '', -- tenant, account or organisation there
    type TEXT NOT NULL CHECK (type <> ''), -- access key, token, client secret, certificate, …
    native_id TEXT NOT NULL CHECK (native_id <> ''), -- its id there
    public_id TEXT, -- the public part that a leaked copy shows, such as an access key id
    name TEXT, -- what people call it
    scopes TEXT CHECK (json_valid(scopes)), -- list of what it may do of what its identity may
    hint TEXT, -- first or last characters that its provider shows
    status TEXT NOT NULL DEFAULT 'unknown'
        CHECK (status IN ('active', 'inactive', 'expired', 'revoked', 'deleted', 'unknown')), -- does it work?
    generation INTEGER CHECK (generation >= 1), -- 1 for the first credential of its series, 2 for its replacement, …
    replaced_by TEXT REFERENCES credential (id), -- the next generation
    environment TEXT, -- production, staging, …
    store_ref TEXT, -- where its value is kept: the path in a vault
    revocation_capability TEXT NOT NULL DEFAULT 'unknown', -- how it can be revoked: reversible, final, manual, none, unknown
    native_created_at INTEGER, -- when it was made
    last_used_at INTEGER, -- last use that its provider knows
    last_rotated_at INTEGER, -- when its value changed last
    expires_at INTEGER, -- when it ends by itself
    tombstoned_at INTEGER, -- when it was known to be dead; the row stays, so that old leaks still link to it
    tombstone_reason TEXT, -- why it is dead
    raw TEXT CHECK (json_valid(raw)), -- fields of the export that have no column, without secret values
    first_snapshot_id TEXT REFERENCES snapshot (id), -- the reading that brought it
    last_snapshot_id TEXT REFERENCES snapshot (id), -- the reading that saw it last
    first_seen_at INTEGER NOT NULL, -- when it was seen first
    last_seen_at INTEGER NOT NULL, -- when it was seen last
    created_at INTEGER NOT NULL, -- when the row was made
    updated_at INTEGER NOT NULL, -- when the row changed last
    version INTEGER NOT NULL DEFAULT 1, -- counts changes, so that a writer notices another
    CHECK (tombstoned_at IS NULL OR status IN ('inactive', 'expired', 'revoked', 'deleted')),
    UNIQUE (provider, account, native_id)
) STRICT;
CREATE INDEX credential_of_identity ON credential (identity_id);
CREATE INDEX credential_by_public_id ON credential (public_id);

-- Fingerprints of a credential's secret: several schemes and keys side by side. Not unique by value: two credentials with
-- one secret are a finding of their own.
CREATE TABLE credential_fp (
    credential_id TEXT NOT NULL REFERENCES credential (id) ON DELETE CASCADE, -- the credential
    scheme TEXT NOT NULL CHECK (scheme <> ''), -- how it was made, with its version
    key_id TEXT NOT NULL, -- names the key; empty for digests without one (public keys)
    value TEXT NOT NULL CHECK (value <> ''), -- the digest
    created_at INTEGER NOT NULL, -- when the row was made
    PRIMARY KEY (credential_id, scheme, key_id, value)
) STRICT;
CREATE INDEX credential_fp_by_value ON credential_fp (value, scheme, key_id);

-- What an identity may do.
CREATE TABLE identity_grant (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    identity_id TEXT NOT NULL REFERENCES identity (id) ON DELETE CASCADE, -- who may
    resource TEXT NOT NULL, -- on what
    action TEXT NOT NULL, -- what: an action, a role, a scope
    effect TEXT NOT NULL DEFAULT 'allow' CHECK (effect IN ('allow', 'deny')), -- may it, or may it not?
    via TEXT NOT NULL DEFAULT '', -- the policy, group or binding that says so
    conditions TEXT CHECK (json_valid(conditions)), -- under which conditions
    high_risk INTEGER CHECK (high_risk IN (0, 1)), -- administration, escalation, or everything
    expires_at INTEGER, -- until when
    last_used_at INTEGER, -- when it was used last, as its provider says
    snapshot_id TEXT REFERENCES snapshot (id), -- the reading that saw it last
    created_at INTEGER NOT NULL, -- when the row was made
    updated_at INTEGER NOT NULL, -- when the row changed last
    UNIQUE (identity_id, resource, action, effect, via)
) STRICT;

-- Uses of a credential, counted by day.
CREATE TABLE credential_usage (
    credential_id TEXT NOT NULL REFERENCES credential (id) ON DELETE CASCADE, -- what was used
    day_at INTEGER NOT NULL CHECK (day_at % 86400000 = 0), -- the day, as its first millisecond
    action TEXT NOT NULL DEFAULT '', -- what for
    origin TEXT NOT NULL DEFAULT '', -- from where: network, workload
    agent TEXT NOT NULL DEFAULT '', -- with which program
    uses INTEGER NOT NULL CHECK (uses >= 0), -- how often
    PRIMARY KEY (credential_id, day_at, action, origin, agent)
) STRICT;

-- A person or team who answers for identities.
CREATE TABLE owner (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    kind TEXT NOT NULL CHECK (kind IN ('person', 'team')), -- one or many
    ref TEXT NOT NULL UNIQUE CHECK (ref <> ''), -- name in the directory: group:default/payments, @org/team, an address
    name TEXT, -- what people call it
    email TEXT, -- where messages go
    active INTEGER CHECK (active IN (0, 1)), -- 0 once they have left
    created_at INTEGER NOT NULL, -- when the row was made
    updated_at INTEGER NOT NULL -- when the row changed last
) STRICT;

-- Who answers for what, how that is known, and for how long it held. What is owned is an identity, or something that leads to
-- identities: a workload, a repository, or the files of one that a pattern matches.
CREATE TABLE ownership (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    identity_id TEXT REFERENCES identity (id) ON DELETE CASCADE, -- the identity that is owned
    workload_ref TEXT, -- the workload that is owned
    repository TEXT, -- the repository that is owned; with a pattern it may be empty (the one at hand)
    pattern TEXT, -- the files of it, as CODEOWNERS writes them
    pattern_line INTEGER, -- where the pattern stands: of several that match the greatest wins
    owner_id TEXT NOT NULL REFERENCES owner (id), -- by whom
    role TEXT NOT NULL CHECK (role IN ('business', 'technical', 'backup')), -- in which way
    origin TEXT NOT NULL
        CHECK (origin IN ('manual', 'tag', 'export', 'codeowners', 'backstage', 'inferred')), -- how it is known
    confidence INTEGER NOT NULL DEFAULT 100 CHECK (confidence BETWEEN 0 AND 100), -- how sure, in per cent
    reason TEXT, -- why, in words
    valid_from_at INTEGER, -- since when, if that is known
    valid_to_at INTEGER, -- until when; NULL while it holds
    snapshot_id TEXT REFERENCES snapshot (id), -- the reading that saw it last
    created_at INTEGER NOT NULL, -- when the row was made
    updated_at INTEGER NOT NULL, -- when the row changed last
    CHECK (identity_id IS NOT NULL OR workload_ref IS NOT NULL OR repository IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX ownership_now ON ownership (coalesce(identity_id, ''), coalesce(workload_ref, ''),
    coalesce(repository, ''), coalesce(pattern, ''), owner_id, role, origin) WHERE valid_to_at IS NULL;
CREATE INDEX ownership_of_identity ON ownership (identity_id);
CREATE INDEX ownership_of_repository ON ownership (repository);
CREATE INDEX ownership_of_owner ON ownership (owner_id);

-- Something that runs: a service, pipeline, function, agent or device.
CREATE TABLE workload (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    kind TEXT NOT NULL CHECK (kind <> ''), -- service, pipeline, function, agent, device, …
    ref TEXT NOT NULL CHECK (ref <> ''), -- its name where it is known
    repo TEXT, -- the repository that it is built from
    environment TEXT, -- production, staging, …
    lifecycle TEXT, -- experimental, production, deprecated, retired
    created_at INTEGER NOT NULL, -- when the row was made
    updated_at INTEGER NOT NULL, -- when the row changed last
    UNIQUE (kind, ref)
) STRICT;

-- Who uses a credential, and how it gets there: who breaks when it is replaced. A reference by name, such as a secret of a
-- pipeline, stands here before anybody knows which credential it is.
CREATE TABLE consumer (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    credential_id TEXT REFERENCES credential (id) ON DELETE CASCADE, -- what is used, if known
    name TEXT NOT NULL DEFAULT '', -- the name by which it is used: a variable, a secret's name, a path
    workload_id TEXT REFERENCES workload (id), -- by whom, if known
    distribution TEXT NOT NULL CHECK (distribution <> ''), -- vault, secret-manager, kubernetes-secret, file, …
    locator TEXT NOT NULL, -- where exactly
    origin TEXT NOT NULL DEFAULT 'import', -- how it is known: import, scan, manual
    confirmed_at INTEGER, -- when somebody or something confirmed it
    snapshot_id TEXT REFERENCES snapshot (id), -- the reading that saw it last
    created_at INTEGER NOT NULL, -- when the row was made
    updated_at INTEGER NOT NULL -- when the row changed last
) STRICT;
CREATE UNIQUE INDEX consumer_place ON consumer (coalesce(credential_id, ''), name, coalesce(workload_id, ''), distribution,
    locator);
CREATE INDEX consumer_by_name ON consumer (name);

-- A leaked secret: one row per rule and value, in however many places.
CREATE TABLE finding (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    fp TEXT NOT NULL UNIQUE CHECK (fp <> ''), -- fingerprint of rule and secret, as reports show it
    fp_key_id TEXT NOT NULL, -- names the key of the fingerprint
    rule_id TEXT NOT NULL, -- the rule that found it
    provider TEXT NOT NULL, -- whose credential it is
    kind TEXT NOT NULL, -- what it technically is: api-key, pat, password, …
    identity_kind TEXT NOT NULL, -- what it acts as
    severity TEXT NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')), -- harm, if it works
    score INTEGER NOT NULL CHECK (score BETWEEN 0 AND 100), -- how sure it is a secret
    risk INTEGER NOT NULL CHECK (risk BETWEEN 0 AND 100), -- lists are ordered by it
    risk_reasons TEXT CHECK (json_valid(risk_reasons)), -- what the risk is made of
    preview TEXT NOT NULL, -- what may be shown of it
    public_id TEXT, -- public part that names its identity
    credential_id TEXT REFERENCES credential (id), -- the credential it is a copy of, once that is certain
    validity TEXT NOT NULL DEFAULT 'unknown' CHECK (validity IN ('unknown', 'active', 'dead')), -- does it work?
    validity_at INTEGER, -- when that was found out
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN
        ('open', 'linked', 'rotating', 'resolved', 'dismissed', 'excepted', 'regressed')), -- its life
    state_reason TEXT, -- why it is in that state
    state_actor TEXT, -- who put it there
    state_at INTEGER NOT NULL, -- since when
    state_until_at INTEGER, -- until when: a dismissal or exception ends by itself
    first_seen_at INTEGER NOT NULL, -- when it was found first
    last_seen_at INTEGER NOT NULL, -- when it was found last
    gone_at INTEGER, -- since when it stands nowhere any more; NULL while it does
    sla_due_at INTEGER, -- when it must be dealt with
    first_snapshot_id TEXT NOT NULL REFERENCES snapshot (id), -- the scan that found it first
    last_snapshot_id TEXT NOT NULL REFERENCES snapshot (id), -- the scan that found it last
    updated_at INTEGER NOT NULL, -- when the row changed last
    version INTEGER NOT NULL DEFAULT 1, -- counts changes of state, so that a writer notices another
    CHECK (state NOT IN ('dismissed', 'excepted') OR state_reason IS NOT NULL),
    CHECK (state <> 'excepted' OR state_until_at IS NOT NULL)
) STRICT;
CREATE INDEX finding_by_risk ON finding (risk DESC, id);
CREATE INDEX finding_by_state ON finding (state, risk DESC, id);
CREATE INDEX finding_by_rule ON finding (rule_id, risk DESC, id);
CREATE INDEX finding_by_credential ON finding (credential_id);
CREATE INDEX finding_by_public_id ON finding (public_id);
CREATE INDEX finding_by_first_snapshot ON finding (first_snapshot_id);

-- Further fingerprints of a finding's secret, comparable with those of credentials.
CREATE TABLE finding_fp (
    finding_id TEXT NOT NULL REFERENCES finding (id) ON DELETE CASCADE, -- the finding
    scheme TEXT NOT NULL CHECK (scheme <> ''), -- how it was made, with its version
    key_id TEXT NOT NULL, -- names the key; empty for digests without one
    value TEXT NOT NULL CHECK (value <> ''), -- the digest
    created_at INTEGER NOT NULL, -- when the row was made
    PRIMARY KEY (finding_id, scheme, key_id, value)
) STRICT;
CREATE INDEX finding_fp_by_value ON finding_fp (value, scheme, key_id);

-- One place where a finding stands or stood.
CREATE TABLE occurrence (
    finding_id TEXT NOT NULL REFERENCES finding (id) ON DELETE CASCADE, -- the finding
    source_id TEXT NOT NULL REFERENCES source (id), -- where it was read
    locator_key TEXT NOT NULL, -- names the place in the source; stable when lines move
    kind TEXT NOT NULL, -- file, git, named, message, …
    path TEXT, -- path in the source
    part TEXT NOT NULL, -- content, name or link-target
    line INTEGER NOT NULL, -- line of the first byte, from 1
    column_number INTEGER NOT NULL, -- column of the first byte, in bytes from 1
    locator TEXT NOT NULL CHECK (json_valid(locator)), -- all that is known of the place
    commit_id TEXT, -- of git: the commit that brought it
    author TEXT, -- who wrote it there: name and address as the source has them
    authored_at INTEGER, -- when, by the author's clock
    last_commit_id TEXT, -- of git: the last commit that has it
    last_commit_at INTEGER, -- when that was made
    at_head INTEGER CHECK (at_head IN (0, 1)), -- of git: does the commit at HEAD have it?
    public INTEGER CHECK (public IN (0, 1)), -- can everybody read it?
    present INTEGER NOT NULL DEFAULT 1 CHECK (present IN (0, 1)), -- was it there when the source was last read in full?
    came_snapshot_id TEXT NOT NULL REFERENCES snapshot (id), -- the scan since which it has been there without a gap
    last_snapshot_id TEXT NOT NULL REFERENCES snapshot (id), -- the scan that saw it last
    gone_snapshot_id TEXT REFERENCES snapshot (id), -- the scan that no longer saw it
    first_seen_at INTEGER NOT NULL, -- when it was seen first
    last_seen_at INTEGER NOT NULL, -- when it was seen last
    gone_at INTEGER, -- since when it has been gone
    CHECK (present = (gone_at IS NULL)),
    PRIMARY KEY (finding_id, source_id, locator_key)
) STRICT;
CREATE INDEX occurrence_present ON occurrence (source_id, last_snapshot_id) WHERE present;
CREATE INDEX occurrence_gone ON occurrence (gone_snapshot_id) WHERE gone_snapshot_id IS NOT NULL;

-- Why a finding is believed to be a copy of a credential, or to belong to an identity.
CREATE TABLE link (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    finding_id TEXT NOT NULL REFERENCES finding (id) ON DELETE CASCADE, -- what leaked
    credential_id TEXT REFERENCES credential (id), -- what it is a copy of, if that is known
    identity_id TEXT REFERENCES identity (id), -- whose it is
    tier TEXT NOT NULL CHECK (tier IN ('A0', 'A1', 'A2', 'B1', 'B2', 'C')), -- the kind of the best evidence
    confidence REAL NOT NULL CHECK (confidence BETWEEN 0.0 AND 1.0), -- how sure
    status TEXT NOT NULL CHECK (status IN ('auto', 'confirmed', 'rejected', 'ambiguous')), -- who believes it
    actor TEXT, -- who confirmed or rejected it
    reason TEXT, -- why, in words
    evidence TEXT NOT NULL CHECK (json_valid(evidence)), -- list of {rule, finding_field, inventory_field, value, weight}
    engine_version TEXT NOT NULL, -- the version of the rules that made it
    created_at INTEGER NOT NULL, -- when the row was made
    updated_at INTEGER NOT NULL, -- when the row changed last
    CHECK (credential_id IS NOT NULL OR identity_id IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX link_to_credential ON link (finding_id, credential_id) WHERE credential_id IS NOT NULL;
CREATE UNIQUE INDEX link_to_identity ON link (finding_id, identity_id) WHERE credential_id IS NULL;
CREATE INDEX link_of_credential ON link (credential_id);
CREATE INDEX link_of_identity ON link (identity_id);

-- How a credential is to be replaced. What is approved is the digest of `plan`.
CREATE TABLE rotation_plan (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    credential_id TEXT NOT NULL REFERENCES credential (id), -- what is to be replaced
    trigger_kind TEXT NOT NULL CHECK (trigger_kind IN ('finding', 'schedule', 'offboarding', 'manual', 'campaign')), -- why
    strategy TEXT NOT NULL CHECK (strategy IN ('dual', 'single', 'revoke', 'emergency')), -- in which order
    plan TEXT NOT NULL CHECK (json_valid(plan)), -- steps, calls, consumers, owner: canonical JSON, never reformatted
    plan_hash TEXT NOT NULL CHECK (length(plan_hash) = 64), -- SHA-256 of `plan`, hexadecimal
    requester TEXT NOT NULL, -- who asked for it
    approvals_required INTEGER NOT NULL DEFAULT 1 CHECK (approvals_required >= 0), -- how many must agree
    state TEXT NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'awaiting_approval', 'approved', 'running', 'done',
        'failed', 'cancelled', 'expired')), -- its life
    deadline_at INTEGER, -- when it should be done, by the policy
    expires_at INTEGER NOT NULL, -- when it must be made anew
    created_at INTEGER NOT NULL, -- when the row was made
    updated_at INTEGER NOT NULL, -- when the row changed last
    version INTEGER NOT NULL DEFAULT 1 -- counts changes, so that a writer notices another
) STRICT;
CREATE UNIQUE INDEX rotation_plan_open ON rotation_plan (credential_id)
    WHERE state IN ('draft', 'awaiting_approval', 'approved', 'running');

-- Who agreed to a plan, or didn't.
CREATE TABLE approval (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    plan_id TEXT NOT NULL REFERENCES rotation_plan (id), -- the plan
    actor TEXT NOT NULL CHECK (actor <> ''), -- who
    decision TEXT NOT NULL CHECK (decision IN ('approve', 'reject')), -- what they said
    plan_hash TEXT NOT NULL CHECK (length(plan_hash) = 64), -- of the plan that they saw
    reason TEXT, -- why
    decided_at INTEGER NOT NULL, -- when
    expires_at INTEGER, -- until when it counts
    UNIQUE (plan_id, actor, plan_hash)
) STRICT;

-- One execution of a plan.
CREATE TABLE rotation_run (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    plan_id TEXT NOT NULL REFERENCES rotation_plan (id), -- the plan
    credential_id TEXT NOT NULL REFERENCES credential (id), -- what is replaced
    strategy TEXT NOT NULL CHECK (strategy IN ('dual', 'single', 'revoke', 'emergency')), -- in which order
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'creating', 'distributing', 'verifying_new',
        'observing', 'deactivating', 'verifying_dead', 'grace', 'deleting', 'done', 'paused', 'failed_retryable',
        'manual_action', 'rolling_back', 'rolled_back', 'cancelled')), -- how far it is
    resume_state TEXT, -- where a paused or failed run goes on
    new_credential_id TEXT REFERENCES credential (id), -- what replaces it
    lease_owner TEXT, -- which process works on it
    lease_until_at INTEGER, -- until when that process may
    new_verified_at INTEGER, -- when the new credential was seen to work
    dead_proven_at INTEGER, -- when the old one was seen to be refused
    proofs TEXT CHECK (json_valid(proofs)), -- what was seen
    started_at INTEGER NOT NULL, -- when it began
    finished_at INTEGER, -- when it ended
    updated_at INTEGER NOT NULL, -- when the row changed last
    version INTEGER NOT NULL DEFAULT 1, -- counts changes, so that a writer notices another
    CHECK (state <> 'deleting' OR strategy IN ('revoke', 'emergency') OR new_verified_at IS NOT NULL),
    CHECK ((state IN ('done', 'rolled_back', 'cancelled')) = (finished_at IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX rotation_run_active ON rotation_run (credential_id)
    WHERE state NOT IN ('done', 'rolled_back', 'cancelled');

-- One step of a run: its intent is written before the call, its receipt after.
CREATE TABLE run_step (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    run_id TEXT NOT NULL REFERENCES rotation_run (id), -- the run
    n INTEGER NOT NULL CHECK (n >= 1), -- its place in the run
    op TEXT NOT NULL CHECK (op <> ''), -- what is done
    idem_key TEXT NOT NULL UNIQUE CHECK (idem_key <> ''), -- the same for every attempt
    intent_at INTEGER NOT NULL, -- when it was about to be done
    request TEXT CHECK (json_valid(request)), -- what is asked for, without secrets
    receipt TEXT CHECK (json_valid(receipt)), -- what was answered, without secrets
    outcome TEXT NOT NULL DEFAULT 'pending'
        CHECK (outcome IN ('pending', 'done', 'failed', 'unknown', 'skipped')), -- how it went
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0), -- how often it was tried
    next_at INTEGER, -- when to try again
    error TEXT, -- why it failed, without secrets
    updated_at INTEGER NOT NULL, -- when the row changed last
    CHECK (outcome <> 'done' OR receipt IS NOT NULL),
    UNIQUE (run_id, n)
) STRICT;

-- What is required of identities and credentials. Versions are kept.
CREATE TABLE policy (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    name TEXT NOT NULL CHECK (name <> ''), -- what it is called
    revision INTEGER NOT NULL CHECK (revision >= 1), -- the how-manieth text of that name
    selector TEXT NOT NULL CHECK (json_valid(selector)), -- which identities or credentials
    rules TEXT NOT NULL CHECK (json_valid(rules)), -- ages, owners, approvals, deadlines, freeze windows
    active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)), -- is it in force?
    created_at INTEGER NOT NULL, -- when the row was made
    UNIQUE (name, revision)
) STRICT;

-- Who may break which rule, why, and until when.
CREATE TABLE exception (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID
    subject_kind TEXT NOT NULL CHECK (subject_kind IN ('finding', 'credential', 'identity')), -- what is excepted
    subject_id TEXT NOT NULL, -- its id
    rule_id TEXT NOT NULL, -- the rule of the policy; `*` for all
    owner TEXT NOT NULL CHECK (owner <> ''), -- who carries the risk
    purpose TEXT NOT NULL CHECK (purpose <> ''), -- why
    compensating_controls TEXT, -- what is done instead
    approved_by TEXT NOT NULL, -- who agreed
    expires_at INTEGER NOT NULL, -- until when: there is no exception for ever
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'expired', 'revoked')), -- its life
    created_at INTEGER NOT NULL, -- when the row was made
    updated_at INTEGER NOT NULL -- when the row changed last
) STRICT;
CREATE UNIQUE INDEX exception_active ON exception (subject_kind, subject_id, rule_id) WHERE state = 'active';

-- What was done, by whom, when. Each event is chained to the one before; nothing here is ever changed or deleted.
CREATE TABLE audit_event (
    seq INTEGER PRIMARY KEY CHECK (seq >= 1), -- 1, 2, 3, … without a gap
    at INTEGER NOT NULL, -- when
    actor TEXT NOT NULL CHECK (actor <> ''), -- who
    action TEXT NOT NULL CHECK (action <> ''), -- what, such as finding.dismiss
    subject TEXT NOT NULL, -- of what: kind and id
    data TEXT NOT NULL CHECK (json_valid(data)), -- the rest: canonical JSON, never reformatted
    prev_hash TEXT NOT NULL CHECK (length(prev_hash) = 64), -- hash of the event before; zeros for the first
    hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64) -- SHA-256 of the hash before and this event, hexadecimal
) STRICT;
CREATE INDEX audit_event_by_subject ON audit_event (subject, seq);

-- The end of the chain. Who appends locks this row, so that there is one end.
CREATE TABLE audit_head (
    id INTEGER PRIMARY KEY CHECK (id = 1), -- always 1: there is one row
    seq INTEGER NOT NULL CHECK (seq >= 0), -- number of the last event; 0 if there is none
    hash TEXT NOT NULL CHECK (length(hash) = 64) -- its hash
) STRICT;

-- Signed statements of how the chain stood: what comes before one can't be rewritten unnoticed.
CREATE TABLE checkpoint (
    seq INTEGER PRIMARY KEY REFERENCES audit_event (seq), -- the event that was last
    hash TEXT NOT NULL CHECK (length(hash) = 64), -- its hash
    at INTEGER NOT NULL, -- when it was signed
    key_id TEXT NOT NULL, -- names the key
    public_key TEXT NOT NULL CHECK (length(public_key) = 64), -- Ed25519, hexadecimal
    signature TEXT NOT NULL CHECK (length(signature) = 128) -- Ed25519 over the canonical JSON of the above, hexadecimal
) STRICT;

-- Events that must be delivered: written with the change that they tell of.
CREATE TABLE outbox (
    id TEXT PRIMARY KEY CHECK (length(id) = 26), -- ULID; the event's id
    event_key TEXT NOT NULL, -- what makes it one event however often it is noticed
    destination TEXT NOT NULL CHECK (destination <> ''), -- name of the configured receiver
    event TEXT NOT NULL CHECK (json_valid(event)), -- the body, byte for byte as it is signed
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')), -- its life
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0), -- how often it was sent
    next_at INTEGER NOT NULL, -- when to send it next
    lease_owner TEXT, -- which process is sending it
    lease_until_at INTEGER, -- until when that process may
    created_at INTEGER NOT NULL, -- when the row was made
    updated_at INTEGER NOT NULL, -- when the row changed last
    UNIQUE (destination, event_key)
) STRICT;
CREATE INDEX outbox_due ON outbox (next_at) WHERE state = 'pending';

-- Attempts to deliver.
CREATE TABLE delivery (
    outbox_id TEXT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE, -- the event
    attempt INTEGER NOT NULL CHECK (attempt >= 1), -- the how-manieth
    at INTEGER NOT NULL, -- when
    duration_ms INTEGER CHECK (duration_ms >= 0), -- how long it took
    status INTEGER, -- status code of the answer, if there was one
    error TEXT, -- why it failed, without secrets
    PRIMARY KEY (outbox_id, attempt)
) STRICT;

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
CREATE TRIGGER finding_state_edge BEFORE UPDATE OF state ON finding
WHEN NEW.state <> OLD.state AND NOT EXISTS (
    SELECT 1 FROM state_edge WHERE machine = 'finding' AND from_state = OLD.state AND to_state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'unleak: no such change of state of finding'); END;
CREATE TRIGGER finding_first_state BEFORE INSERT ON finding WHEN NEW.state NOT IN ('open')
BEGIN SELECT RAISE(ABORT, 'unleak: not a first state of finding'); END;
CREATE TRIGGER identity_state_edge BEFORE UPDATE OF state ON identity
WHEN NEW.state <> OLD.state AND NOT EXISTS (
    SELECT 1 FROM state_edge WHERE machine = 'identity' AND from_state = OLD.state AND to_state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'unleak: no such change of state of identity'); END;
CREATE TRIGGER identity_first_state BEFORE INSERT ON identity WHEN NEW.state NOT IN ('proposed', 'active', 'suspended')
BEGIN SELECT RAISE(ABORT, 'unleak: not a first state of identity'); END;
CREATE TRIGGER exception_state_edge BEFORE UPDATE OF state ON exception
WHEN NEW.state <> OLD.state AND NOT EXISTS (
    SELECT 1 FROM state_edge WHERE machine = 'exception' AND from_state = OLD.state AND to_state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'unleak: no such change of state of exception'); END;
CREATE TRIGGER exception_first_state BEFORE INSERT ON exception WHEN NEW.state NOT IN ('active')
BEGIN SELECT RAISE(ABORT, 'unleak: not a first state of exception'); END;
CREATE TRIGGER outbox_state_edge BEFORE UPDATE OF state ON outbox
WHEN NEW.state <> OLD.state AND NOT EXISTS (
    SELECT 1 FROM state_edge WHERE machine = 'outbox' AND from_state = OLD.state AND to_state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'unleak: no such change of state of outbox'); END;
CREATE TRIGGER outbox_first_state BEFORE INSERT ON outbox WHEN NEW.state NOT IN ('pending')
BEGIN SELECT RAISE(ABORT, 'unleak: not a first state of outbox'); END;
CREATE TRIGGER rotation_plan_state_edge BEFORE UPDATE OF state ON rotation_plan
WHEN NEW.state <> OLD.state AND NOT EXISTS (
    SELECT 1 FROM state_edge WHERE machine = 'rotation_plan' AND from_state = OLD.state AND to_state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'unleak: no such change of state of rotation_plan'); END;
CREATE TRIGGER rotation_plan_first_state BEFORE INSERT ON rotation_plan WHEN NEW.state NOT IN ('draft')
BEGIN SELECT RAISE(ABORT, 'unleak: not a first state of rotation_plan'); END;
CREATE TRIGGER rotation_run_state_edge BEFORE UPDATE OF state ON rotation_run
WHEN NEW.state <> OLD.state AND NOT EXISTS (
    SELECT 1 FROM state_edge WHERE machine = 'rotation_run' AND from_state = OLD.state AND to_state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'unleak: no such change of state of rotation_run'); END;
CREATE TRIGGER rotation_run_first_state BEFORE INSERT ON rotation_run WHEN NEW.state NOT IN ('pending')
BEGIN SELECT RAISE(ABORT, 'unleak: not a first state of rotation_run'); END;

-- What was written into the log stays as it is.
CREATE TRIGGER audit_event_no_update BEFORE UPDATE ON audit_event
BEGIN SELECT RAISE(ABORT, 'unleak: audit_event is append-only'); END;
CREATE TRIGGER audit_event_no_delete BEFORE DELETE ON audit_event
BEGIN SELECT RAISE(ABORT, 'unleak: audit_event is append-only'); END;
CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'unleak: checkpoint is append-only'); END;
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint
BEGIN SELECT RAISE(ABORT, 'unleak: checkpoint is append-only'); END;
