-- What each source of the inventory says, as it says it: so that two readings of one source can be compared, and what only it
-- knew can go when it goes.

CREATE TABLE inventory_item (
    source_id TEXT NOT NULL REFERENCES source (id),
    noun TEXT NOT NULL CHECK (noun <> ''),
    item_key TEXT NOT NULL CHECK (item_key <> ''),
    digest TEXT NOT NULL,
    record JSONB NOT NULL,
    former JSONB,
    entity_id TEXT,
    first_snapshot_id TEXT NOT NULL REFERENCES snapshot (id),
    changed_snapshot_id TEXT NOT NULL REFERENCES snapshot (id),
    last_snapshot_id TEXT NOT NULL REFERENCES snapshot (id),
    vanished_snapshot_id TEXT REFERENCES snapshot (id),
    PRIMARY KEY (source_id, noun, item_key)
);
CREATE INDEX inventory_item_of_entity ON inventory_item (entity_id);
COMMENT ON TABLE inventory_item IS 'One thing that a source says.';
COMMENT ON COLUMN inventory_item.source_id IS 'who says it';
COMMENT ON COLUMN inventory_item.noun IS 'identity, credential, grant, owner, ownership, workload, consumer, vendor';
COMMENT ON COLUMN inventory_item.item_key IS 'its natural key';
COMMENT ON COLUMN inventory_item.digest IS 'of the record: equal, if nothing changed';
COMMENT ON COLUMN inventory_item.record IS 'all that is said, without secrets';
COMMENT ON COLUMN inventory_item.former IS 'what was said before its last change';
COMMENT ON COLUMN inventory_item.entity_id IS 'the row that it became, of those that have an id';
COMMENT ON COLUMN inventory_item.first_snapshot_id IS 'the reading that brought it';
COMMENT ON COLUMN inventory_item.changed_snapshot_id IS 'the reading that changed it last';
COMMENT ON COLUMN inventory_item.last_snapshot_id IS 'the reading that saw it last';
COMMENT ON COLUMN inventory_item.vanished_snapshot_id IS 'the complete reading that no longer had it';
