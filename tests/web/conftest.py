"""Passwords are hashed cheaply in these tests: by the same code, with less memory and time."""

import pytest
from argon2 import PasswordHasher

from web.credentials import password, proof


@pytest.fixture(autouse=True, scope="session")
def cheap_hashes() -> None:
    """What a test makes is worth no gigabytes; `test_password` looks at the real parameters."""
    password.HASHER = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
    proof.RECOVERY_COST = {"time_cost": 1, "memory_cost": 64}
