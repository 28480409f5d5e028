"""The web under Gunicorn: its settings, its worker, its lines in the log."""
