-- What each source of the inventory says, as it says it: so that two readings of one source can be compared, and what only it
-- knew can go when it goes.

-- One thing that a source says.
CREATE TABLE inventory_item (
    source_id TEXT NOT NULL REFERENCES source (id), -- who says it
    noun TEXT NOT NULL CHECK (noun <> ''), -- identity, credential, grant, owner, ownership, workload, consumer, vendor
    item_key TEXT NOT NULL CHECK (item_key <> ''), -- its natural key
    digest TEXT NOT NULL, -- of the record: equal, if nothing changed
    record TEXT NOT NULL CHECK (json_valid(record)), -- all that is said, without secrets
    former TEXT CHECK (json_valid(former)), -- what was said before its last change
    entity_id TEXT, -- the row that it became, of those that have an id
    first_snapshot_id TEXT NOT NULL REFERENCES snapshot (id), -- the reading that brought it
    changed_snapshot_id TEXT NOT NULL REFERENCES snapshot (id), -- the reading that changed it last
    last_snapshot_id TEXT NOT NULL REFERENCES snapshot (id), -- the reading that saw it last
    vanished_snapshot_id TEXT REFERENCES snapshot (id), -- the complete reading that no longer had it
    PRIMARY KEY (source_id, noun, item_key)
) STRICT;
CREATE INDEX inventory_item_of_entity ON inventory_item (entity_id);
