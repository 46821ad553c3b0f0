"""The script behind `make data`: checked, kept, and plain about what it cannot get."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Any:
    path = Path(__file__).parents[2] / "scripts" / "fetch_data.py"
    spec = importlib.util.spec_from_file_location("fetch_data", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SAMPLES", {})
    return module


def upstream(script: Any, monkeypatch: pytest.MonkeyPatch, folder: Path, content: bytes, sha256: str = "") -> Path:
    """One file to fetch, lying in a folder instead of on the network."""
    home = folder / "home.json"
    home.write_bytes(content)
    table = {"x.json": (home.as_uri(), sha256 or hashlib.sha256(content).hexdigest())}
    monkeypatch.setattr(script, "DOWNLOADS", table)
    return home


def test_table_agrees_with_the_shared_files(script: Any, shared_data: Path) -> None:
    for name, (_, sha256) in script.DOWNLOADS.items():
        assert script.has_hash(shared_data / name, sha256), name


def test_every_download_is_pinned_to_a_commit(script: Any) -> None:
    for url, sha256 in script.DOWNLOADS.values():
        commit = url.removeprefix("https://raw.githubusercontent.com/").split("/")[2]
        assert len(commit) == 40 and int(commit, 16) >= 0
        assert len(sha256) == 64


def test_file_is_downloaded_once(script: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = upstream(script, monkeypatch, tmp_path, b"[1]")
    target = tmp_path / "data"
    assert script.main([str(target)]) == 0
    assert [path.name for path in target.iterdir()] == ["x.json"]
    home.unlink()  # what is there is not asked for again
    assert script.main([str(target)]) == 0


def test_folder_comes_from_the_environment(script: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    upstream(script, monkeypatch, tmp_path, b"[1]")
    monkeypatch.setenv("OWNWORDS_DATA", str(tmp_path / "there"))
    assert script.main([]) == 0
    assert (tmp_path / "there" / "x.json").read_bytes() == b"[1]"


def test_other_content_is_refused_and_the_old_file_stays(
    script: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream(script, monkeypatch, tmp_path, b"[1]", sha256="0" * 64)
    (tmp_path / "x.json").write_bytes(b"mine")
    assert script.main([str(tmp_path)]) == 2
    assert "expected 0000" in capsys.readouterr().err
    assert (tmp_path / "x.json").read_bytes() == b"mine"


def test_unreachable_host_is_exit_2_with_the_reason(
    script: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    upstream(script, monkeypatch, tmp_path, b"[1]").unlink()
    assert script.main([str(tmp_path / "data")]) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"1 of the files are missing in {tmp_path / 'data'}:\n  x.json: file://")
    assert "Run this again with a network connection" in message
    assert not (tmp_path / "data").exists()


def test_sample_holds_each_item_once_in_a_fixed_order(script: Any) -> None:
    requests = "".join(json.dumps({"doc": {"id": n}, "idx": choice}) + "\n" for n in range(500) for choice in range(4))
    lines = script.sampled_items(requests.encode()).splitlines()
    assert len(lines) == 400
    assert len(set(lines)) == 400
    assert [json.loads(line)["id"] for line in lines[:3]] == [419, 459, 130]


def test_a_whole_task_keeps_its_items_and_their_order(script: Any) -> None:
    requests = "".join(
        json.dumps({"doc": {"id": n, "text": "è", "choices": ["x"]}, "idx": 0}) + "\n" for n in (3, 1, 2)
    )
    lines = script.whole_items(requests.encode()).decode().splitlines()
    assert [json.loads(line) for line in lines] == [{"id": n, "text": "è"} for n in (3, 1, 2)]
