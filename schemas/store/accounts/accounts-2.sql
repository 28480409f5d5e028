-- Accounts, version 2: passkeys.
-- passkeys: public keys of authenticators (WebAuthn), several an account; `counter` only ever grows.
CREATE TABLE passkeys (
  id         TEXT PRIMARY KEY,
  credential BLOB NOT NULL UNIQUE,
  user       TEXT NOT NULL,
  name       TEXT NOT NULL,
  rp         TEXT NOT NULL,               -- the host name that it was made for: it signs for no other
  public_key BLOB NOT NULL,               -- COSE
  counter    INTEGER NOT NULL,
  transports TEXT NOT NULL,               -- how a browser reaches it, separated by spaces
  created_at TEXT NOT NULL,
  used_at    TEXT
);
CREATE INDEX passkeys_by_user ON passkeys (user);
-- challenges: what was asked and not answered yet; each is taken out by the first answer, right or wrong.
CREATE TABLE challenges (
  challenge  BLOB PRIMARY KEY,
  purpose    TEXT NOT NULL,
  user       TEXT NOT NULL,
  session    TEXT NOT NULL,               -- whose it is: empty while nobody is signed in
  details    TEXT NOT NULL,
  begun_boot REAL NOT NULL,               -- seconds since that boot: with another boot it is void
  boot       TEXT NOT NULL
);
CREATE INDEX challenges_by_user ON challenges (purpose, user);
