-- Ledger, version 1. One writing process (the node); readers open it read-only.
-- triggers: every trigger ever accepted, one row an id and station: the memory of what must not be inspected twice.
CREATE TABLE triggers (
  id          INTEGER PRIMARY KEY,
  station     TEXT    NOT NULL,
  trigger_id  TEXT    NOT NULL,
  digest      BLOB    NOT NULL,           -- of the payload: a second one that differs is worth an event
  body        TEXT    NOT NULL,           -- the trigger as JSON, to go on after a restart
  assigned    INTEGER NOT NULL,
  source      TEXT    NOT NULL,
  received_at REAL    NOT NULL,           -- seconds since 1970
  received_ns INTEGER NOT NULL,           -- monotonic, means something only in the same boot
  boot        TEXT    NOT NULL,
  UNIQUE (station, trigger_id)
);
-- waiting: triggers without a result yet.
CREATE TABLE waiting (id INTEGER PRIMARY KEY REFERENCES triggers (id));
-- results: the same id as the trigger, so that one trigger cannot have two.
CREATE TABLE results (
  id              INTEGER PRIMARY KEY REFERENCES triggers (id),
  result_id       TEXT    NOT NULL UNIQUE,
  station         TEXT    NOT NULL,
  seq             INTEGER NOT NULL,
  verdict         TEXT    NOT NULL,
  code            TEXT,
  program         TEXT,
  program_version INTEGER,
  part_id         TEXT,
  finished_at     REAL    NOT NULL,
  duration_ms     REAL    NOT NULL,
  pictures        INTEGER NOT NULL,
  payload         BLOB    NOT NULL,       -- as published, byte for byte
  UNIQUE (station, seq)
);
CREATE INDEX results_by_time ON results (finished_at);
-- outbox: results that the broker has not confirmed, in the order of their commits.
CREATE TABLE outbox (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  result INTEGER NOT NULL UNIQUE REFERENCES results (id)
);
-- stations: what a station remembers.
CREATE TABLE stations (
  station  TEXT PRIMARY KEY,
  program  TEXT,
  reset_at REAL    NOT NULL DEFAULT 0,
  reset_seq INTEGER NOT NULL DEFAULT 0,
  paused   INTEGER NOT NULL DEFAULT 0
);
-- replies: commands already answered, so that a repeated request is not done again.
CREATE TABLE replies (request_id TEXT PRIMARY KEY, name TEXT NOT NULL, payload BLOB NOT NULL, at REAL NOT NULL);
