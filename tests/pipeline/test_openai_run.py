"""Rewriting through a server with OpenAI's API: journalled, resumable, and without a trace of the key."""

# pyright: basic
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.engines.fault_server import Server, said
from tests.pipeline.conftest import Project, contents

pytest.importorskip("openai")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

KEY = "sk-very-secret-0123456789"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr("ownwords.engines.openai._FIRST_WAIT", 0.02)


def use(server: Server, **settings: Any) -> list[str]:
    given = {"base_url": server.url.replace("//", "//user:pass-word@"), "model": "tiny", "timeout": 2.0, **settings}
    return ["runtime.engine=openai", f"runtime.openai={json.dumps(given)}"]


def number(body: dict[str, Any]) -> int:
    return int(body["messages"][-1]["content"].split()[2])


def test_what_is_answered_is_kept_and_only_the_rest_is_asked_again(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(body: dict[str, Any], seen: int) -> Any:
        own = said(f"Own: the answer is {2 * number(body)}.")
        return own if number(body) < 6 or len(server.asked) > 40 else (401, {"error": {"message": f"bad {KEY}"}})

    with Server(script) as server:
        assert project.ownwords("rewrite", *use(server, max_concurrency=1)) == 1
        error = capsys.readouterr().err
        assert "bad [key]" in error
        before = len(server.asked)
        server.asked.extend([{}] * 40)
        assert project.ownwords("rewrite", *use(server, max_concurrency=1)) == 0
        assert len(server.asked) - before - 40 <= 12 - 4
    summary = json.loads((project.output / "rewrite.json").read_text(encoding="utf-8"))
    assert (summary["n"], summary["accepted"]) == (12, 12)
    assert summary["engine"]["kind"] == "openai"
    files = contents(project.output)
    for secret in (KEY, "pass-word"):
        assert [name for name, content in files.items() if secret.encode() in content and name != "recipe.yaml"] == []
    assert KEY.encode() not in files["recipe.yaml"]
    assert KEY not in error
    assert "pass-word" not in error


def test_the_recipes_model_is_asked_for_unless_the_server_calls_it_otherwise(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(lambda body, seen: said(), models=("other",)) as server:
        assert project.ownwords("rewrite", *use(server, model=None)) == 1
    assert "there is no model named" in capsys.readouterr().err


def test_a_prompt_with_a_prefill_is_refused_before_anything_is_asked(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(lambda body, seen: said()) as server:
        assert project.ownwords("rewrite", "rewrite.prompt=paper/math", *use(server)) == 2
        assert server.asked == []
    assert "Set runtime.openai.prefill=yes if it does" in capsys.readouterr().err
    assert not Path(project.output).exists()
