"""What all tests of tasks share."""

from collections.abc import Iterator

import pytest
import torch

from groundup.stack.tasks import tuning


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Products as small as these only lose by being shared out."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a machine with a graphics card, of which test_cuda.py has its own tests: so both sides are comparable."""
    monkeypatch.setattr(tuning, "own_device", lambda: torch.device("cpu"))
