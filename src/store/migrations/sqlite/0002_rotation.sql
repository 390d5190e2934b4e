-- Rotation: the kill switch, and ways between states that a plan without a reversible step takes.

-- While there is a row, no run begins or goes on.
CREATE TABLE rotation_stop (
    id INTEGER PRIMARY KEY CHECK (id = 1), -- always 1: there is at most one row
    reason TEXT NOT NULL CHECK (reason <> ''), -- why
    actor TEXT NOT NULL CHECK (actor <> ''), -- who stopped it
    at INTEGER NOT NULL -- when
) STRICT;

INSERT INTO state_edge (machine, from_state, to_state) VALUES
    -- Where nothing can be switched off, only deleted, the proof of death comes after the deletion.
    ('rotation_run', 'deleting', 'verifying_dead'),
    -- A run that stopped may be taken back, or be found to be done.
    ('rotation_run', 'failed_retryable', 'done'),
    ('rotation_plan', 'running', 'expired');

-- Facts of a finding that are not secret: account, host, user, key type.
ALTER TABLE finding ADD COLUMN attributes TEXT CHECK (json_valid(attributes)); -- names and values
