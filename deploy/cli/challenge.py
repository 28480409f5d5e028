"""`challenge`: draws faults on a program's own pictures, inspects them, and reports what still came
out OK."""

import argparse
import re
from pathlib import Path

from deploy.cli import addressee, show
from deploy.cli.teach import pictures
from schemas import Problem
from schemas.store.disk import replace
from schemas.store.programs import Programs

HONEST = "These faults are drawn: what is caught here may still be missed on the line."


def challenge(args: argparse.Namespace) -> int:
    """Challenge one program. Raises Problem PICTURES_UNFIT if none of its pictures is OK before
    anything is drawn on it."""
    import cv2

    from node.faults.challenge import challenge as challenged
    from node.pictures.decode import decode
    from node.program import load_stored

    state = Path(addressee.loaded(args).settings.state_dir)
    with addressee.owner(state):
        store = Programs(state / "programs")
        stored = store.get(args.program)
        master = store.master(stored.program)
        loaded = load_stored(stored, store)
    good = [decode(picture.read()) for picture in pictures(args.good)] or (
        [] if master is None else [decode(master)]
    )
    outcomes = list(challenged(loaded, good))
    if not outcomes:
        raise Problem(
            "PICTURES_UNFIT",
            "none of the pictures is OK before anything is drawn on it; name a folder of good ones",
        )
    missed = [each for each in outcomes if each.verdict == "OK"]
    rows = []
    if args.pictures is not None:
        args.pictures.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(missed, 1):
        where = None
        if args.pictures is not None and each.picture is not None:
            name = re.sub(
                r"[^a-z0-9]+", "-", f"{number:03d} {each.kind} {each.tool or ''}".lower()
            ).strip("-")
            where = args.pictures / f"{name}.png"
            replace(where, cv2.imencode(".png", each.picture)[1].tobytes())
        rows.append(
            (
                each.kind,
                each.tool,
                "never" if each.never else "see for yourself",
                where and str(where),
            )
        )
    columns = ("fault", "tool", "may be OK", "picture")
    if args.json:
        told = [
            dict(zip(("fault", "tool", "verdict", "code"), each[:4], strict=True))
            for each in outcomes
        ]
        show.document(
            {
                "program": stored.program.id,
                "version": stored.version,
                "drawn": len(outcomes),
                "found": told,
                "missed": [dict(zip(columns, row, strict=True)) for row in rows],
                "note": HONEST,
            }
        )
        return 0
    print(
        f"{stored.program.id} version {stored.version}: {len(outcomes)} faults drawn, {len(missed)}"
        " came out OK"
    )
    if rows:
        show.table(columns, rows)
    print(HONEST)
    return 0
