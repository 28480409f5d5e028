-- Ledger, version 3: age by time that passed, counters that need no counting, replies that know what they answered.
-- moments: which triggers there were when, in seconds that the node has lived (schemas/store/clock.py), never by the calendar.
-- Whatever has an id up to last_trigger is at least as old as that moment.
CREATE TABLE moments (id INTEGER PRIMARY KEY, lived_s REAL NOT NULL, last_trigger INTEGER NOT NULL);
INSERT INTO moments SELECT 1, 0, max(id) FROM triggers HAVING count(*) > 0;  -- how old they are nobody knows: from now on
-- counters: results by verdict since a station's counters were reset at after_seq.
CREATE TABLE counters (
  station   TEXT    NOT NULL,
  after_seq INTEGER NOT NULL,
  verdict   TEXT    NOT NULL,
  number    INTEGER NOT NULL,
  PRIMARY KEY (station, after_seq, verdict)
) WITHOUT ROWID;
INSERT INTO counters
  SELECT r.station, coalesce(s.reset_seq, 0), r.verdict, count(*) FROM results r LEFT JOIN stations s ON s.station = r.station
  WHERE r.seq > coalesce(s.reset_seq, 0) GROUP BY 1, 2, 3;
CREATE TRIGGER results_counted AFTER INSERT ON results BEGIN
  INSERT INTO counters
    VALUES (new.station, coalesce((SELECT reset_seq FROM stations WHERE station = new.station), 0), new.verdict, 1)
    ON CONFLICT DO UPDATE SET number = number + 1;
END;
-- answered: what is still told of a result that retention removed, as long as its trigger's id is known.
CREATE TABLE answered (
  id        INTEGER PRIMARY KEY REFERENCES triggers (id),
  result_id TEXT    NOT NULL,
  seq       INTEGER NOT NULL,
  verdict   TEXT    NOT NULL
);
ALTER TABLE outbox ADD COLUMN lived_s REAL NOT NULL DEFAULT 0;
ALTER TABLE replies ADD COLUMN digest BLOB NOT NULL DEFAULT x'';  -- of the command's content; empty: from before version 3
ALTER TABLE replies ADD COLUMN lived_s REAL NOT NULL DEFAULT 0;
