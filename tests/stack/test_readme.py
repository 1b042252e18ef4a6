"""The stack is usable alone, as its README says: its code runs, its table is complete, its import costs little."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from groundup.stack.models.families import FAMILIES, load
from groundup.stack.models.llama import Llama, LlamaConfig

ROOT = Path(__file__).resolve().parents[2]
STACK = ROOT / "src" / "groundup" / "stack"
TEXT = (STACK / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
REQUIRED = re.findall(r"`(\w+)`", TEXT[TEXT.index("It needs") : TEXT.index("```python")])

SPY = """
import sys, torch
before = {name.partition(".")[0] for name in sys.modules}
%s
new = {name.partition(".")[0] for name in sys.modules} - before - set(sys.stdlib_module_names)
print("ROOTS", *sorted(new))
print("PARTS", *sorted({".".join(name.split(".")[:2]) for name in sys.modules if name.startswith("groundup.")}))
"""


def run(code: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *options, "-c", code], cwd=folder, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def test_the_code_runs_and_imports_nothing_but_the_stack(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tiny = Llama(LlamaConfig(vocab=31, dim=16, layers=2, heads=4, hidden=24, kv_heads=2, context=32))
    tiny.save_pretrained(tmp_path / "tiny-llama")
    assert len(BLOCKS) == 3
    assert len(BLOCKS[0].strip().splitlines()) <= 12, "about ten lines show it"
    told = run(SPY % "\n".join(BLOCKS), tmp_path).stdout.splitlines()
    assert told[:2] == ["torch.Size([1, 4, 31])", "6"]
    others = {name for name in told[-2].split()[1:] if "cython" not in name}  # what numpy.random leaves
    assert others <= {"groundup", "safetensors", "packaging"}, "of others' code, besides torch's"
    assert told[-1].split() == ["PARTS", "groundup.stack"]
    again = load(tmp_path / "written")
    assert all(
        torch.equal(one, other) for one, other in zip(tiny.parameters(), again.model.parameters(), strict=True)
    ), "what was not stepped is what it was"


def test_no_file_of_it_imports_more_than_is_said() -> None:
    roots = set()
    for path in STACK.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                names = [str(node.module)]
            assert all(name.startswith("groundup.stack") for name in names if name.startswith("groundup")), path
            roots |= {name.partition(".")[0] for name in names}
    assert roots - set(sys.stdlib_module_names) == {"groundup", *REQUIRED}


@pytest.mark.parametrize("module", ["models.llama", "models.families", "objectives", "training", "tasks.start"])
def test_its_import_costs_little_beyond_torchs(module: str, tmp_path: Path) -> None:
    """The seconds that modules which torch has not loaded spend in their own code; the least of three, since other
    programs may run beside this one."""
    least = float("inf")
    for _ in range(3):
        log = run(f"import torch; import groundup.stack.{module}", tmp_path, "-X", "importtime").stderr
        lines = [line.removeprefix("import time:").split("|") for line in log.splitlines() if "import time:" in line]
        rows = [(int(own), name[1:]) for own, _, name in lines if own.strip().isdigit()]
        (end,) = (at for at, (_, name) in enumerate(rows) if name == "torch")
        ours = rows[end + 1 :]
        assert any(name.strip() == f"groundup.stack.{module}" for _, name in ours)
        least = min(least, sum(own for own, _ in ours) / 1e6)
        if least < 0.3:
            return
    pytest.fail(f"importing groundup.stack.{module} takes {least:.2f} s besides torch")


# ── its table ────────────────────────────────────────────────────────────────


def table() -> list[list[str]]:
    """The cells of the table of families, row by row."""
    part = TEXT.partition("## Families")[2]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")]
    return rows[2:]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_family_has_its_row_and_no_row_is_made_up() -> None:
    rows = table()
    assert all(len(row) == 6 and all(row) for row in rows), "six cells, none empty"
    files = {kind: quoted(row[2])[0] for row in rows for kind in quoted(row[1])}
    assert sum(len(quoted(row[1])) for row in rows) == len(files), "each once"
    known = {kind: {name.partition(":")[0] + ".py" for name in heads.values()} for kind, heads in FAMILIES.items()}
    assert {kind: {file} for kind, file in files.items()} == known, "add a row to the stack's README for each"


def test_every_file_of_models_is_named_and_every_named_file_is_there() -> None:
    named = {quoted(row[2])[0] for row in table()} | set(quoted(TEXT.rpartition("|\n")[2]))
    there = {path.name for path in (STACK / "models").glob("*.py")} - {"__init__.py"}
    assert {name for name in named if name.endswith(".py")} == there
    for row in table():
        for test in quoted(row[5]):
            assert (ROOT / "tests" / "stack" / "models" / test).is_file(), test
        assert re.search(r"(19|20)\d\d", row[3]), "the year of the paper"


def test_every_folder_is_named() -> None:
    part = TEXT.partition("| folder |")[2].partition("## Families")[0]
    named = {name.strip("/") for line in part.splitlines() for name in quoted(line.partition("|")[2].partition("|")[0])}
    there = {path.name for path in STACK.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert named == there - {"__init__.py", "__pycache__"}
