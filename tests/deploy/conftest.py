"""What is deployed: built as `sam build` builds it, and run as Lambda runs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import runs
from local.deploy import build


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/deploy/" in item.path.as_posix():
            item.add_marker(pytest.mark.timeout(240))


@pytest.fixture(scope="session")
def run() -> Iterator[runs.Run]:
    run = runs.begin()
    yield run
    run.remove()


@pytest.fixture(scope="session")
def built(run: runs.Run) -> Path:
    """The folder with the built functions and layers; nothing is built again where nothing has changed."""
    return build(run).parent
