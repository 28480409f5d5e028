"""A long file without a reason is named; a short one and one with a reason are not."""

from tests.lengths import MOST, unsaid

LONG = "x = 1\n" * MOST


def test_a_long_file_says_in_its_head_why_it_is_one() -> None:
    files = {
        "node/short.py": '"""Short."""\n',
        "node/silent.py": '"""Long."""\n' + LONG,
        "node/later.py": '"""Long."""\n' + LONG + "# One file: too late\n",
        "node/said.py": '"""Long.\n\nOne file: a table.\n"""\n' + LONG,
        "web/static/js/silent.js": "// Long.\n" + LONG,
        "web/static/js/said.js": "// Long.\n//\n// One file: a table.\n" + LONG,
        "tests/node/test_intake.py": '"""Long."""\n' + LONG,
    }
    assert sorted(unsaid(files)) == [
        "node/later.py",
        "node/silent.py",
        "tests/node/test_intake.py",
        "web/static/js/silent.js",
    ]
