"""A small double-entry ledger: what the evaluation builds and tests."""
