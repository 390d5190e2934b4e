-- Rotation: the kill switch, and ways between states that a plan without a reversible step takes.

CREATE TABLE rotation_stop (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    reason TEXT NOT NULL CHECK (reason <> ''),
    actor TEXT NOT NULL CHECK (actor <> ''),
    at BIGINT NOT NULL
);
COMMENT ON TABLE rotation_stop IS 'While there is a row, no run begins or goes on.';
COMMENT ON COLUMN rotation_stop.id IS 'always 1: there is at most one row';
COMMENT ON COLUMN rotation_stop.reason IS 'why';
COMMENT ON COLUMN rotation_stop.actor IS 'who stopped it';
COMMENT ON COLUMN rotation_stop.at IS 'when';

INSERT INTO state_edge (machine, from_state, to_state) VALUES
    ('rotation_run', 'deleting', 'verifying_dead'),
    ('rotation_run', 'failed_retryable', 'done'),
    ('rotation_plan', 'running', 'expired');

ALTER TABLE finding ADD COLUMN attributes JSONB;
COMMENT ON COLUMN finding.attributes IS 'names and values';
