"""The shapes at rest: programs and users in documents, pictures in files, triggers and results in
the ledger."""
