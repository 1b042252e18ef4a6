"""What is wrong with the curriculum's files, and where: read strictly, collected all at once, each with its mend.

:class:`Table` reads one TOML table: a key that is missing, unknown or of the wrong kind becomes a :class:`Problem` with
file and line, and reading goes on. Nothing here knows what a topic is.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing to mend: the file and line or key, what is wrong there, and what to do about it."""

    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.mend}"


class CurriculumError(Exception):
    """The curriculum's files do not hold together; ``problems`` lists everything that was found, not only the first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = list(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__("\n".join([f"the curriculum has {count}", *(f"  {one}" for one in problems)]))

    @classmethod
    def of(cls, where: str, what: str, mend: str) -> CurriculumError:
        """An error with one problem."""
        return cls([Problem(where, what, mend)])


@dataclass(frozen=True)
class Source:
    """A TOML file with its text, for finding the line of a key. ``name`` is what a person should see of the path."""

    name: str
    text: str

    def where(self, key: str, header: str = "", index: int = 0) -> str:
        """``file:line`` of a key below the index-th ``[[header]]`` or ``[header]``, else of the header or the file."""
        lines = self.text.splitlines()
        start, end = 0, len(lines)
        if header:
            heads = [n for n, line in enumerate(lines) if line[:1] == "[" and line.strip().strip("[] ") == header]
            if index >= len(heads):
                return f"{self.name} ({key})"
            start = heads[index]
            end = heads[index + 1] if index + 1 < len(heads) else end
        pattern = re.compile(rf"^\s*[\"']?{re.escape(key)}[\"']?\s*=|^\s*\[+\s*(?:[\w-]+\.)*{re.escape(key)}\s*\]+")
        for number in range(start, end):
            if pattern.match(lines[number]):
                return f"{self.name}:{number + 1}"
        return f"{self.name}:{start + 1}" if header else f"{self.name} ({key})"


class Table:
    """Reads the keys of one TOML table by kind; what is wrong goes to ``problems`` and a harmless value comes back."""

    def __init__(
        self, values: Any, source: Source, problems: list[Problem], *, header: str = "", index: int = 0, key: str = ""
    ) -> None:
        self.source, self.problems, self.header, self.index = source, problems, header, index
        self._read: set[str] = set()
        if not isinstance(values, dict):
            self.problem(key or header, f"{key or header} must be a table", "Write it as a table of keys and values.")
            values = {}
        self.values: dict[str, Any] = values

    def problem(self, key: str, what: str, mend: str) -> None:
        self.problems.append(Problem(self.source.where(key, self.header, self.index), what, mend))

    def _value(self, key: str, kind: type, name: str, default: Any, required: bool) -> Any:
        self._read.add(key)
        if key not in self.values:
            if required:
                self.problem(key, f"{key} is missing", f"Add {key} = …, {name}.")
            return default
        value = self.values[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.problem(key, f"{key} must be {name}, not {value!r}", f"Write {key} as {name}.")
            return default
        return value

    def text(self, key: str, default: str = "", *, required: bool = True) -> str:
        """A string that says something."""
        value = str(self._value(key, str, "a text in quotes", default, required))
        if key in self.values and not value.strip() and isinstance(self.values[key], str):
            self.problem(key, f"{key} is empty", f"Say something in {key}.")
        return value

    def flag(self, key: str) -> bool:
        return bool(self._value(key, bool, "true or false", False, False))

    def number(self, key: str, default: int, *, least: int = 1) -> int:
        value = int(self._value(key, int, "a whole number", default, False))
        if key in self.values and value < least:
            self.problem(key, f"{key} must be at least {least}, not {value}", f"Give {key} a value of {least} or more.")
            return default
        return value

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of different strings."""
        values = self._value(key, list, "a list of texts", [], required)
        if not all(isinstance(value, str) for value in values):
            self.problem(key, f"{key} must hold texts only", f"Put every entry of {key} in quotes.")
            return ()
        for value in sorted({value for value in values if values.count(value) > 1}):
            self.problem(key, f"{key} names {value!r} twice", "Name it once.")
        return tuple(values)

    def table(self, key: str) -> Table:
        """A table below this one; empty where the key is absent."""
        self._read.add(key)
        header = f"{self.header}.{key}" if self.header else key
        return Table(self.values.get(key, {}), self.source, self.problems, header=header, index=self.index, key=key)

    def tables(self, key: str, *, offset: int = 0) -> list[Table]:
        """A list of tables; ``offset`` counts those of earlier parents in the file, to find a line."""
        values = self._value(key, list, "a list of tables", [], False)
        header = f"{self.header}.{key}" if self.header else key
        return [
            Table(value, self.source, self.problems, header=header, index=offset + index, key=key)
            for index, value in enumerate(values)
        ]

    def done(self) -> None:
        """Whatever was not asked for is unknown."""
        for key in self.values:
            if key not in self._read:
                known = ", ".join(sorted(self._read))
                self.problem(key, f"unknown key {key!r}", f"Remove it, or use one of {known}.")


def read_toml(path: Path, name: str, problems: list[Problem]) -> Table:
    """The file's top table; a file that cannot be read or parsed is a problem and an empty table."""
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(name, f"cannot be read: {error}", "Make it a readable UTF-8 text file."))
        return Table({}, Source(name, ""), [])
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        where = f"{name}:{line.group(1)}" if line else name
        problems.append(Problem(where, f"is not TOML: {error}", "Mend the syntax on that line."))
        return Table({}, Source(name, text), [])
    return Table(values, Source(name, text), problems)
