"""What the tests start behaves as it does for a person, wherever the tests themselves run."""

import signal
import subprocess
import sys

from tests.rooms.installation.processes import ROOT


def test_what_tests_start_hears_sigint_although_they_run_in_the_background() -> None:
    background = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import tests.conftest; import"
        " subprocess, sys; "
    )
    child = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    command = f"{background} subprocess.run([sys.executable, '-c', {child!r}])"
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "True"
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
