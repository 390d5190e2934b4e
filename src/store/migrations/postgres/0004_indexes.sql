-- Ways to what is looked for once for every finding or record: without them a large inventory is read from end to end each time.

CREATE INDEX ownership_of_workload ON ownership (workload_ref);
CREATE INDEX workload_by_ref ON workload (ref);
CREATE INDEX workload_by_repo ON workload (repo);
CREATE INDEX consumer_of_credential ON consumer (credential_id);
CREATE INDEX consumer_of_workload ON consumer (workload_id);
CREATE INDEX identity_by_native_id ON identity (native_id);
CREATE INDEX credential_by_native_id ON credential (native_id);
CREATE INDEX credential_by_hint ON credential (hint) WHERE hint IS NOT NULL;
