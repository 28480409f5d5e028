"""A web of one test, and its administrator."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.rooms.installation.site_of_web import Someone, application
from web.site import NAME


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    made = application(tmp_path)
    yield made
    made.extensions[NAME].close()


@pytest.fixture
def admin(app: Flask) -> Someone:
    return Someone(app, "ADMIN")
