-- Accounts, version 1: what changes while people sign in and out. The web writes it, and `inspection-node user`.
-- sessions: one row a sign-in, the family of its refresh tokens; `token` is the hash of the one that is valid now.
CREATE TABLE sessions (
  id         TEXT PRIMARY KEY,
  user       TEXT NOT NULL,
  password_at TEXT NOT NULL,              -- when the account's password was set: another one ends the session
  token      BLOB NOT NULL,
  created_at REAL NOT NULL,               -- seconds since 1970
  seen_at    REAL NOT NULL,
  idle_until REAL NOT NULL,               -- each refresh moves it
  until      REAL NOT NULL,               -- nothing moves it
  address    TEXT NOT NULL,
  agent      TEXT NOT NULL,
  ended_at   REAL,
  ended_by   TEXT
);
CREATE INDEX sessions_by_user ON sessions (user);
-- lockouts: failed attempts by user name and by address (hashed: what was typed may have been a password).
CREATE TABLE lockouts (
  key       TEXT PRIMARY KEY,
  failures  INTEGER NOT NULL,
  last_at   REAL    NOT NULL,
  last_boot REAL    NOT NULL,             -- seconds since that boot: means something only in the same boot
  boot      TEXT    NOT NULL
);
-- twofactor: TOTP secrets; a code is good once, so the greatest step used is remembered.
CREATE TABLE twofactor (
  user      TEXT PRIMARY KEY,
  secret    TEXT    NOT NULL,
  enabled   INTEGER NOT NULL DEFAULT 0,
  last_step INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE recovery (
  user TEXT NOT NULL,
  code BLOB NOT NULL,                     -- hashed
  PRIMARY KEY (user, code)
);
-- audit: who did what. Each row holds the hash of itself and the one before; rows are only ever added.
CREATE TABLE audit (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  at         TEXT NOT NULL,
  username   TEXT NOT NULL,
  action     TEXT NOT NULL,
  target     TEXT NOT NULL,
  address    TEXT NOT NULL,
  request_id TEXT NOT NULL,
  details    TEXT NOT NULL,
  hash       BLOB NOT NULL
);
CREATE INDEX audit_by_action ON audit (action, at);
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit is only ever added to'); END;
CREATE TRIGGER audit_grows BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit is only ever added to'); END;
