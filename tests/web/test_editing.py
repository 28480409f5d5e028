"""Two people who edit one program know of each other."""

import pytest

from web import editing
from web.editing import Editing


def test_who_opens_a_program_hears_who_else_has_it_open() -> None:
    open_ = Editing()
    assert open_.opened("cap", "s1", "ada", "Ada") == []
    (first,) = open_.opened("cap", "s2", "bob", "Bob")
    assert (first["username"], first["name"]) == ("ada", "Ada")
    assert [who["username"] for who in open_.opened("cap", "s1", "ada", "Ada")] == ["bob"]
    assert open_.opened("box", "s3", "eva", "Eva") == [], "another program"
    assert open_.opened("cap", "s1", "ada", "Ada") != [], "oneself twice is no other"


def test_one_that_is_closed_or_says_nothing_any_more_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_ = Editing()
    open_.opened("cap", "s1", "ada", "Ada")
    open_.closed("cap", "s1")
    assert open_.opened("cap", "s2", "bob", "Bob") == []
    monkeypatch.setattr(editing, "OPEN_S", 0.0)
    assert open_.opened("cap", "s1", "ada", "Ada") == []


def test_a_crowd_of_editors_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(editing, "MOST", 3)
    open_ = Editing()
    for n in range(10):
        open_.opened("cap", f"s{n}", "ada", "Ada")
    assert len(open_.opened("cap", "s9", "ada", "Ada")) == 3
