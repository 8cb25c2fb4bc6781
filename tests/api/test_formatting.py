"""Times as HTTP headers write them."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

from hypothesis import given
from hypothesis import strategies as st

from getimg_mock.api.formatting import format_http_date


@given(st.datetimes(min_value=datetime(1000, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - Hypothesis adds the zone
def test_a_date_is_as_the_standard_library_writes_it(moment: datetime) -> None:
    """In the one form that RFC 9110 lets servers send."""
    assert format_http_date(moment).decode() == format_datetime(moment, usegmt=True)
