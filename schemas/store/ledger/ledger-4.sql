-- Ledger, version 4: a command is here before it is acknowledged, until the broker has its reply; how old a trigger came.
-- commands: one row for each message that was taken, gone once its reply is confirmed. What is left at a start had no reply, or
-- one that may not have arrived (it stands in replies then).
CREATE TABLE commands (
  id             INTEGER PRIMARY KEY,
  request_id     TEXT NOT NULL,
  name           TEXT NOT NULL,
  digest         BLOB,                    -- of its content; NULL while it could not be read
  response_topic TEXT,
  correlation    BLOB,
  lived_s        REAL NOT NULL
);
ALTER TABLE waiting ADD COLUMN older_ms REAL NOT NULL DEFAULT 0;  -- how old it may have been when it was received
