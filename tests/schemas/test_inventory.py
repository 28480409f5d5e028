"""What a node runs on is listed with versions, and what only developers need is not."""

import platform
from importlib.metadata import version

from schemas.inventory import software


def test_every_package_that_the_node_asks_for_is_named_with_its_version() -> None:
    found = software()
    assert found["python"] == platform.python_version()
    assert found["sqlite"].startswith("3.")
    for name in ("cryptography", "flask", "opencv-python-headless", "paho-mqtt"):
        assert found[name] == version(name)
    assert not {"pytest", "mypy", "ruff"} & found.keys()
