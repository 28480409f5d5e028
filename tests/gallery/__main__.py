"""`python -m tests.gallery`: writes the gallery's pictures and its page; `--only KIND` for some,
`--folder DIR` elsewhere."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from node.locators import LOCATORS
from node.tools import TOOLS
from tests.gallery import page, tools, wrong_ok


def main() -> int:
    """Make it and say where it is."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.gallery", description="Annotated pictures of every tool and locator."
    )
    parser.add_argument(
        "--folder",
        metavar="DIR",
        type=Path,
        default=Path("gallery"),
        help="where it goes (default: gallery)",
    )
    parser.add_argument(
        "--only",
        metavar="KIND",
        action="append",
        default=[],
        choices=sorted({*TOOLS, *LOCATORS}),
        help="these kinds only",
    )
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    with console.status("gallery") as status:
        sections, wrong = tools.make(
            args.folder, args.only, lambda kind: status.update(f"gallery: {kind}")
        )
        if not args.only:
            status.update("gallery: once a wrong OK")
            once, failed = wrong_ok.make(args.folder)
            sections, wrong = [*sections, once], [*wrong, *failed]
    page.save(args.folder, "tools", sections)
    console.print(
        f"{page.build(args.folder).resolve().as_uri()}:"
        f" {sum(len(section.cards) for section in sections)} cards"
    )
    for what in wrong:
        console.print(f"[red]{what}[/]")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
