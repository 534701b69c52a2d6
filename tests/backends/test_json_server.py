"""What is said by a server that asks to wait; the rest is tested where servers are used."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tersely.backends.json_server import JsonServer
from tersely.errors import SettingError


@pytest.mark.parametrize(
    ("asked", "attempt", "seconds"),
    [("", 1, 0.5), ("", 3, 2), ("", 20, 30), ("7", 1, 7), ("99", 1, 30), ("soon", 2, 1)],
)
def test_a_pause_is_what_was_asked_for_or_grows(asked, attempt, seconds):
    assert JsonServer(url="http://x")._pause_seconds(asked, attempt) == seconds


def test_a_pause_may_be_asked_for_by_date():
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    assert 15 < JsonServer(url="http://x")._pause_seconds(at, 1) <= 20
    past = "Fri, 01 Jan 2021 00:00:00 GMT"
    assert JsonServer(url="http://x")._pause_seconds(past, 1) == 0


def test_a_key_that_could_be_no_key_is_refused():
    with pytest.raises(SettingError, match="api_key is empty"):
        JsonServer(url="http://x", api_key="")
