"""The HTTP interface, a concern a file: what it takes, what it answers, and its routes."""
