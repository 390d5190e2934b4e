-- Which findings must be linked: those of which something changed, and those that a change of the inventory speaks of. The others
-- keep the links that they have.

ALTER TABLE finding ADD COLUMN link_due INTEGER NOT NULL DEFAULT 1
    CHECK (link_due IN (0, 1)); -- did something change since it was linked?
CREATE INDEX finding_due ON finding (id) WHERE link_due;

ALTER TABLE snapshot ADD COLUMN linked INTEGER NOT NULL DEFAULT 0
    CHECK (linked IN (0, 1)); -- were the findings that its changes speak of linked since?
CREATE INDEX snapshot_unlinked ON snapshot (id) WHERE NOT linked;

-- By which rules the links were made: other rules may make others.
CREATE TABLE link_state (
    id INTEGER PRIMARY KEY CHECK (id = 1), -- always 1: there is at most one row
    engine_version TEXT NOT NULL -- the version of the rules
) STRICT;

-- What a reading changed.
CREATE INDEX inventory_item_changed ON inventory_item (changed_snapshot_id);
CREATE INDEX inventory_item_vanished ON inventory_item (vanished_snapshot_id) WHERE vanished_snapshot_id IS NOT NULL;

CREATE TRIGGER finding_link_due AFTER UPDATE OF rule_id, provider, kind, identity_kind, severity, score, public_id, attributes,
    gone_at, state ON finding
WHEN NOT NEW.link_due AND (OLD.rule_id <> NEW.rule_id OR OLD.provider <> NEW.provider OR OLD.kind <> NEW.kind
    OR OLD.identity_kind <> NEW.identity_kind OR OLD.severity <> NEW.severity OR OLD.score <> NEW.score
    OR OLD.public_id IS NOT NEW.public_id OR OLD.attributes IS NOT NEW.attributes OR OLD.gone_at IS NOT NEW.gone_at
    OR OLD.state <> NEW.state)
BEGIN UPDATE finding SET link_due = 1 WHERE id = NEW.id; END;
CREATE TRIGGER occurrence_link_due_new AFTER INSERT ON occurrence
BEGIN UPDATE finding SET link_due = 1 WHERE id = NEW.finding_id AND NOT link_due; END;
CREATE TRIGGER occurrence_link_due AFTER UPDATE OF path, author, authored_at, public, present ON occurrence
WHEN OLD.path IS NOT NEW.path OR OLD.author IS NOT NEW.author OR OLD.authored_at IS NOT NEW.authored_at
    OR OLD.public IS NOT NEW.public OR OLD.present <> NEW.present
BEGIN UPDATE finding SET link_due = 1 WHERE id = NEW.finding_id AND NOT link_due; END;
CREATE TRIGGER finding_fp_link_due AFTER INSERT ON finding_fp
BEGIN UPDATE finding SET link_due = 1 WHERE id = NEW.finding_id AND NOT link_due; END;
