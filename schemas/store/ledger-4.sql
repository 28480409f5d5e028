-- Ledger, version 4: a command is here before it is acknowledged, until the broker has its reply.
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
