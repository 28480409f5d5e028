"""What every change must pass, as `make check` runs it: `python -m tests.checks`.

All checks run, whatever fails before them; those that failed are listed at the end, each with what
to do about it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
NPM = ".venv/npm/node_modules/.bin"
SAID = "do what it says above"
TOOLS = "schemas/tools/__init__.py"


class Check(NamedTuple):
    """A command, run in the root of the project; `remedy`: what to do if it fails. One that npm
    brings is left out where npm is not, but not by CI."""

    command: tuple[str, ...]
    remedy: str = SAID
    npm: bool = False

    @property
    def line(self) -> str:
        """The command as it can be typed in the root of the project."""
        words = [
            ".venv/bin/python" if word == sys.executable else word.replace(f"{_BIN}/", ".venv/bin/")
            for word in self.command
        ]
        return " ".join(words)


_BIN = Path(sys.executable).parent


def _python(module: str, *arguments: str, remedy: str = SAID) -> Check:
    return Check((sys.executable, "-m", module, *arguments), remedy)


def _made(module: str) -> Check:
    return _python(module, "--check", remedy=f".venv/bin/python -m {module}")


CHECKS = (
    Check((f"{_BIN}/ruff", "format", "--check", "."), "make format"),
    Check((f"{_BIN}/ruff", "check", ".")),
    Check((f"{NPM}/biome", "format"), "make format", npm=True),
    Check((f"{NPM}/tsc", "-p", "jsconfig.json"), npm=True),
    Check((f"{_BIN}/mypy",)),
    _python("tests.lengths"),
    _python("tests.wiring"),
    Check((f"{_BIN}/lint-imports",)),
    _made("schemas.generate"),
    _made("broker.asyncapi"),
    _made("broker.acl"),
    _python("web.vocabulary", "--check"),
    _made("deploy.supply.sbom"),
    _python("deploy.supply.advisories"),
    _made("deploy.grafana.dashboard"),
)


def gone(root: Path = ROOT) -> list[str]:
    """The modules of tools that a table names, and whose file somebody has taken away: nothing can
    be imported any more."""
    table = (root / TOOLS).read_text(encoding="utf-8")
    named = re.findall(r"^from schemas\.tools\.(\w+) import", table, re.M)
    return [name for name in named if not (root / "schemas" / "tools" / f"{name}.py").is_file()]


def run(checks: Sequence[Check], root: Path = ROOT) -> int:
    """Run all of them; 1 if one failed."""
    failed = [check for check in checks if not _passed(check, root)]
    for check in failed:
        print(f"failed: {check.line}\n    -> {check.remedy}", file=sys.stderr)
    told = f"{len(failed)} of {len(checks)} checks failed" if failed else "all checks passed"
    print(told, file=sys.stderr if failed else sys.stdout)
    return 1 if failed else 0


def _passed(check: Check, root: Path) -> bool:
    if check.npm and not shutil.which(root / check.command[0]):
        must = "CI needs npm: " if os.environ.get("CI") else ""
        print(f"{must}not checked: npm is not here, or brought no {check.command[0]}", flush=True)
        return not must
    print(check.line, flush=True)
    return subprocess.run(check.command, cwd=root, check=False).returncode == 0


def main() -> int:
    """The exit code."""
    missing = gone()
    for name in missing:
        print(
            f"{TOOLS} names {name}, and schemas/tools/{name}.py is not there: put it back, or"
            f" .venv/bin/python -m deploy.cli.remove_tool {name}",
            file=sys.stderr,
        )
    return 1 if missing else run(CHECKS)


if __name__ == "__main__":
    sys.exit(main())
