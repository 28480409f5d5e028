"""The dashboard, written from a table of panels."""
