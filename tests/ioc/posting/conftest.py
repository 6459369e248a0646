"""What the tests of posting share."""

from __future__ import annotations

import pytest

from tests.support.ioc.publisher_bench import PublisherBench


@pytest.fixture
def bench() -> PublisherBench:
    """A publisher of one reduction with three bins."""
    return PublisherBench()
