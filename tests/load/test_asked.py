"""What Locust asks the web for is there, so that a load is not a load of refusals."""

from pathlib import Path

from tests.load import wrk
from tests.load.asked import ASKED
from tests.rooms.people.people import Caller, application


def test_everything_that_is_asked_is_answered(tmp_path: Path) -> None:
    app = application(tmp_path)
    ada = Caller(app, "ada", "ADMIN")
    stranger = app.test_client()
    account = {"Authorization": f"Bearer {ada.data['access_token']}"}
    for asked in ASKED:
        answer = stranger.get(asked.path, headers=account if asked.account else {})
        assert answer.status_code == 200, asked.path


def test_wrk_asks_the_same_as_locust() -> None:
    for asked in ASKED:
        assert f'{{{asked.weight}, "{asked.path}", {"true" if asked.account else "false"}}}' in (
            wrk.script()
        )
