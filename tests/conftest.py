"""What tests of several folders share."""

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Tests run side by side, each in a process of its own: with more threads than cores, those of one wait for each other
# while another's are at work (a text of the first model took 10.4 s where it takes 2.9 with one thread). Set before
# torch is imported, and for all that is started.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

SERVING = Path(__file__).parent / "stack" / "data" / "serving.py"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server that gives files badly when told; no proxy of the environment is between."""
    for name in _PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    spec = importlib.util.spec_from_file_location("data_serving", SERVING)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    if not hasattr(module, "serving"):
        spec.loader.exec_module(module)
    with module.serving() as found:
        yield found
