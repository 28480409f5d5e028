-- Ledger, version 2: what the history asks for, without reading the payloads.
-- The index by time grows by the columns that filters and statistics need, in place of another index: no insert has one more to keep.
DROP INDEX results_by_time;
CREATE INDEX results_by_time ON results (finished_at, id, station, verdict, code, program, duration_ms);
-- The others hold only rows that are rare (bad parts, errors) or asked for one by one (part ids): good parts cost nothing here.
CREATE INDEX results_not_ok ON results (verdict, finished_at, id, station, seq, program) WHERE verdict <> 'OK';
CREATE INDEX results_by_code ON results (code, finished_at, id, station, program) WHERE code IS NOT NULL;
CREATE INDEX results_by_part ON results (part_id, finished_at, id) WHERE part_id IS NOT NULL;
