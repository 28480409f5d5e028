"""Which settings the web may change, each with the reason why it is safe; all others are changed in
the file, by whoever keeps the machine.

Not in it, on purpose: whatever leads elsewhere (addresses, paths, users, certificates), proves
somebody (secrets, signing in, roles, limits of attempts), touches the machine (cameras, lines), or
decides which part a verdict belongs to (identity and age of triggers, the delay to the exposure).
"""

ANY_STATION = "station.*."
HOW_LONG = "How much is kept: parts on the line are judged as before."
HOW_FULL = "How large log files become: nothing else depends on them."
HOW_FAST = "How much is taken at once: more is refused with a code, and nothing is lost."
SEEN = "What others are told in addition: results and verdicts stay as they are."

EDITABLE: dict[str, str] = {
    "log_level": "How much is written to the log: nothing else depends on it.",
    "preview": SEEN,
    "pictures.max_count": HOW_LONG,
    "pictures.max_days": HOW_LONG,
    "pictures.max_mb": HOW_LONG,
    "pictures.min_free_percent": HOW_LONG,
    "pictures.jpeg_quality": "How kept pictures look: the frame is judged, not its JPEG.",
    "history.max_count": HOW_LONG,
    "history.max_days": HOW_LONG,
    "logs.file_mb": HOW_FULL,
    "logs.keep_days": HOW_FULL,
    "logs.most_mb": HOW_FULL,
    "commands.per_second": HOW_FAST,
    "commands.burst": HOW_FAST,
    "web.notice": "What everybody reads before signing in.",
    "web.audit_rows": "When the alarm about a full audit is raised: no row is removed.",
    "station.*.queue_limit": HOW_FAST,
    "station.*.timer_ms": "How often a station inspects by itself.",
    "station.*.ack": SEEN,
    "station.*.short": SEEN,
}


def why(key: str) -> str | None:
    """Why the web may change a key (`station.cam1.queue_limit`); None where it may not."""
    parts = key.split(".")
    if parts[0] == "station" and len(parts) == 3:
        return EDITABLE.get(f"{ANY_STATION}{parts[2]}")
    return EDITABLE.get(key)
