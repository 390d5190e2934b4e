-- Which findings must be linked: those of which something changed, and those that a change of the inventory speaks of. The others
-- keep the links that they have.

ALTER TABLE finding ADD COLUMN link_due BOOLEAN NOT NULL DEFAULT TRUE;
COMMENT ON COLUMN finding.link_due IS 'did something change since it was linked?';
CREATE INDEX finding_due ON finding (id) WHERE link_due;

ALTER TABLE snapshot ADD COLUMN linked BOOLEAN NOT NULL DEFAULT FALSE;
COMMENT ON COLUMN snapshot.linked IS 'were the findings that its changes speak of linked since?';
CREATE INDEX snapshot_unlinked ON snapshot (id) WHERE NOT linked;

CREATE TABLE link_state (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    engine_version TEXT NOT NULL
);
COMMENT ON TABLE link_state IS 'By which rules the links were made: other rules may make others.';
COMMENT ON COLUMN link_state.id IS 'always 1: there is at most one row';
COMMENT ON COLUMN link_state.engine_version IS 'the version of the rules';

-- What a reading changed.
CREATE INDEX inventory_item_changed ON inventory_item (changed_snapshot_id);
CREATE INDEX inventory_item_vanished ON inventory_item (vanished_snapshot_id) WHERE vanished_snapshot_id IS NOT NULL;

CREATE FUNCTION unleak_link_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.link_due := TRUE;
    RETURN NEW;
END $$;
CREATE FUNCTION unleak_link_due_of() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Who links it at this moment is waited for.
    PERFORM 1 FROM finding WHERE id = NEW.finding_id FOR UPDATE;
    UPDATE finding SET link_due = TRUE WHERE id = NEW.finding_id AND NOT link_due;
    RETURN NULL;
END $$;
CREATE TRIGGER finding_link_due BEFORE UPDATE OF rule_id, provider, kind, identity_kind, severity, score, public_id, attributes,
    gone_at, state ON finding FOR EACH ROW
    WHEN (NOT NEW.link_due AND (OLD.rule_id, OLD.provider, OLD.kind, OLD.identity_kind, OLD.severity, OLD.score, OLD.public_id,
        OLD.attributes, OLD.gone_at, OLD.state) IS DISTINCT FROM (NEW.rule_id, NEW.provider, NEW.kind, NEW.identity_kind,
        NEW.severity, NEW.score, NEW.public_id, NEW.attributes, NEW.gone_at, NEW.state))
    EXECUTE FUNCTION unleak_link_due();
CREATE TRIGGER occurrence_link_due_new AFTER INSERT ON occurrence
    FOR EACH ROW EXECUTE FUNCTION unleak_link_due_of();
CREATE TRIGGER occurrence_link_due AFTER UPDATE OF path, author, authored_at, public, present ON occurrence FOR EACH ROW
    WHEN ((OLD.path, OLD.author, OLD.authored_at, OLD.public, OLD.present)
        IS DISTINCT FROM (NEW.path, NEW.author, NEW.authored_at, NEW.public, NEW.present))
    EXECUTE FUNCTION unleak_link_due_of();
CREATE TRIGGER finding_fp_link_due AFTER INSERT ON finding_fp
    FOR EACH ROW EXECUTE FUNCTION unleak_link_due_of();
