"""Counts of the last minute: exact for those who are counted, and bounded for a crowd, which shuts
nobody out."""

import pytest

from tests.rooms.people.people import API, application
from web import sliding_window
from web.address import counted
from web.sliding_window import SlidingWindow


def test_a_crowd_of_addresses_keeps_nobody_new_from_being_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sliding_window, "MOST", 100)
    counts = SlidingWindow()
    assert [counts.acquire_entry("busy", 3, 60) for _ in range(2)] == [True, True]
    for n in range(99):
        assert counts.acquire_entry(f"crowd {n}", 3, 60)
    assert counts.acquire_entry("busy", 3, 60)
    for n in range(99, 190):
        assert counts.acquire_entry(f"crowd {n}", 3, 60), "somebody new was refused for the others"
    assert not counts.acquire_entry("busy", 3, 60), "who asks on and on was forgotten"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("10.1.2.3", "10.1.2.3"),
        ("::ffff:10.1.2.3", "10.1.2.3"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("", "unknown"),
        (None, "unknown"),
        ("no address", "unknown"),
    ],
)
def test_what_one_host_has_many_of_counts_as_one(address: str | None, expected: str) -> None:
    assert counted(address) == expected


def test_a_host_with_a_whole_network_of_ipv6_addresses_is_one_who_signs_in(tmp_path) -> None:  # type: ignore[no-untyped-def]
    app = application(tmp_path, sign_ins_per_minute=5)
    body = {"username": "nobody", "password": "wrong"}
    statuses = [
        app.test_client()
        .post(f"{API}/auth/login", json=body, environ_overrides={"REMOTE_ADDR": f"2001:db8::{n:x}"})
        .status_code
        for n in range(1, 8)
    ]
    assert statuses == [401] * 5 + [429] * 2
