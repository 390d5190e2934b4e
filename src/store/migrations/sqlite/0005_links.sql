-- The links of a finding: the indexes before have only those with, or without, a credential, and serve no query for both.

CREATE INDEX link_of_finding ON link (finding_id);
