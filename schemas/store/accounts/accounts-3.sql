-- Accounts, version 3: whether a session began with a second factor, of ours or of an identity provider.
ALTER TABLE sessions ADD COLUMN second_factor INTEGER NOT NULL DEFAULT 0;
