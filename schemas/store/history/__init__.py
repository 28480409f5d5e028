"""The history: results as pages, figures and files, read from the ledger."""
