"""An attribute that is assigned from another file is named; a record's field is not."""

from tests.wiring import from_outside

STATION = """
class Station:
    def __init__(self):
        self.blocked = None
        self.deaf = self.said = None

    def block(self, why):
        self.blocked = why


def here(station):
    station.said = 1
"""
RECORD = """
@dataclass
class Record:
    found: int = 0
"""
SERVICE = """
def run(station, record, rest):
    station.blocked = "full"
    record.found = 1
    (station.deaf, rest.other) = 1, 2
"""


def test_what_another_file_assigns_is_named() -> None:
    files = {"station.py": STATION, "record.py": RECORD, "service.py": SERVICE}
    assert from_outside(files) == ["service.py:3: station.blocked", "service.py:5: station.deaf"]


def test_a_class_and_the_rest_of_its_file_assign_what_is_theirs() -> None:
    assert from_outside({"station.py": STATION, "record.py": RECORD}) == []
