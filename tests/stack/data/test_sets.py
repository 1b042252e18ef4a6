"""Text by name: what is held out was not learned from, and every text says where it comes from."""

from pathlib import Path

import pytest

from groundup.stack.data import Corpus, python_documentation, read_text, split_text_file


@pytest.fixture(scope="module")
def documentation() -> Corpus:
    return python_documentation()


def test_the_default_is_real_and_large(documentation: Corpus) -> None:
    assert len(documentation.train) > 1_000_000
    share = len(documentation.held_out) / (len(documentation.train) + len(documentation.held_out))
    assert 0.03 < share < 0.2
    assert documentation.provenance["licence"] == "PSF-2.0"
    assert documentation.provenance["train_bytes"] == len(documentation.train.encode())


def test_no_paragraph_that_is_held_out_was_learned_from(documentation: Corpus) -> None:
    def paragraphs(text: str) -> set[str]:
        return {" ".join(one.split()) for one in text.split("\n\n") if len(" ".join(one.split())) > 40}

    held_out = paragraphs(documentation.held_out)
    assert len(held_out) > 300
    assert not held_out & paragraphs(documentation.train)


def test_it_is_the_same_every_time(documentation: Corpus) -> None:
    assert python_documentation() == documentation


def test_a_file_is_cut_at_a_line(tmp_path: Path) -> None:
    path = tmp_path / "poem.txt"
    path.write_text("".join(f"line {number} of the poem\n" for number in range(200)))
    corpus = read_text(str(path))
    assert corpus.train + corpus.held_out == path.read_text()
    assert corpus.train.endswith("\n")
    assert 0.08 < len(corpus.held_out) / len(path.read_text()) < 0.1
    assert "poem.txt" in str(corpus.provenance["source"])


def test_what_is_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"\xff" * 5000)
    with pytest.raises(ValueError, match="not UTF-8"):
        split_text_file(path, "")
    path.write_text("short")
    with pytest.raises(ValueError, match="5 characters"):
        split_text_file(path, "")
    with pytest.raises(ValueError, match="there is no text 'shakespear'"):
        read_text("shakespear")
    monkeypatch.delenv("GROUNDUP_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="GROUNDUP_DATA"):
        read_text("tinyshakespeare")
    monkeypatch.setenv("GROUNDUP_DATA", str(tmp_path))
    (tmp_path / "tinyshakespeare").mkdir()
    (tmp_path / "tinyshakespeare" / "input.txt").write_text("To be, or not to be\n" * 200)
    assert read_text("tinyshakespeare").provenance["train_bytes"] == 3620
