"""The openai engine and vLLM's own server, with the bundled model: prompts to the token, faults of a real server.

Needs vLLM in the same environment, and about a minute on two cores: the server is started twice, the second time
because the last test kills it.
"""

# pyright: basic
from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.pipeline.conftest import question, write_rows

from ownwords import models
from ownwords.cli import main
from ownwords.engines.base import open_engine
from ownwords.errors import EngineError
from ownwords.journal import Journal
from ownwords.models import Model
from ownwords.recipe import ModelSection, OpenAISection, RuntimeSection, load_recipe
from ownwords.records import Completion, Message, Request, Sampling
from ownwords.rendering import prompt_ids
from ownwords.stages.context import Context
from ownwords.stages.rewrite import build_request

pytestmark = [
    pytest.mark.slow,
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vllm is not installed"),
]

BUNDLED = "bundled:smollm2-135m-instruct"
START_SECONDS = 240.0
ROWS = 6


class Serving:
    """vLLM's server in a process group of its own."""

    def __init__(self, model: Model, log: Path) -> None:
        self._model = model
        self._log = log
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}/v1"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ["--dtype", "bfloat16", "--max-model-len", "2048", "--enforce-eager", "--served-model-name", "tiny"]
        place = ["--model", self._model.path, "--host", "127.0.0.1", "--port", str(self._port)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "vllm.entrypoints.openai.api_server", *place, *options],
                stdout=log,
                stderr=log,
                env={**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"},
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            said = self._log.read_text(encoding="utf-8", errors="replace")[-2000:]
            assert self._process.poll() is None, f"the server ended: {said}"
            assert time.monotonic() < deadline, f"the server did not start: {said}"
            time.sleep(0.2)

    def kill(self) -> None:
        """End it and its workers without a farewell."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        address = self.url.removesuffix("/v1") + path
        request = urllib.request.Request(address, json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/models", timeout=5):
                return True
        except (OSError, urllib.error.URLError):
            return False


@pytest.fixture(scope="module")
def model() -> Model:
    return models.resolve(ModelSection(name_or_path=BUNDLED))


@pytest.fixture(scope="module")
def serving(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    server = Serving(model, tmp_path_factory.mktemp("vllm") / "server.log")
    try:
        server.start()
        yield server
    finally:
        server.kill()


def engine_for(serving: Serving, **changes: Any) -> Any:
    section = OpenAISection.model_validate({"base_url": serving.url, "model": "tiny", **changes})
    return open_engine("openai", None, RuntimeSection(engine="openai", openai=section))


def recipe_for(serving: Serving, folder: Path) -> Path:
    rows = write_rows(folder / "rows.jsonl", [question(n) for n in range(ROWS)])
    recipe = {
        "model": {"name_or_path": BUNDLED},
        "data": {"train": {"path": str(rows), "columns": {"prompt": "question", "response": "answer"}}},
        "rewrite": {"prompt": "paper/math", "checks": ["not_empty"], "sampling": {"max_tokens": 12}},
        "runtime": {"engine": "openai", "openai": {"base_url": serving.url, "model": "tiny", "max_concurrency": 4}},
        "output_dir": str(folder / "run"),
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
    return path


def test_prompt_and_prefill_reach_the_model_to_the_token(serving: Serving, model: Model, tmp_path: Path) -> None:
    """What the server counts, and what it says it reads, are the ids that our own path makes."""
    path = recipe_for(serving, tmp_path)
    assert main(["rewrite", str(path)]) == 0
    with Journal(tmp_path / "run" / "journal.sqlite") as journal:
        found = {key.example_id: completion for key, completion, _ in journal.completions("rewrite")}
    assert len(found) == ROWS
    tokenizer = models.load_tokenizer(model)
    with closing(Context(load_recipe(path))) as context:
        requests = [build_request(context, example, 0) for example in context.train]
    for request in requests:
        completion = found[request.id]
        assert completion.error is None
        assert 0 < completion.completion_tokens <= 12
        assert request.prefill
        assert request.messages is not None
        ours = prompt_ids(tokenizer, request.messages, request.prefill)
        assert completion.prompt_tokens == len(ours)
        turns = [*(m.as_dict() for m in request.messages), {"role": "assistant", "content": request.prefill}]
        goes_on = {"continue_final_message": True, "add_generation_prompt": False}
        assert serving.ask("/tokenize", {"model": "tiny", "messages": turns, **goes_on})["tokens"] == ours


def test_a_prompt_that_is_too_long_is_its_rows_error(serving: Serving) -> None:
    texts = ["Say yes.", "word " * 3000, "Say no."]
    requests = [Request(text, (Message("user", text),), sampling=Sampling(max_tokens=4)) for text in texts]
    with closing(engine_for(serving)) as engine:
        found = {completion.request_id: completion for completion in engine.stream(requests)}
    error = found.pop(texts[1]).error
    assert error is not None
    assert error.kind == "prompt_too_long"
    assert "2048" in error.message
    assert all(completion.error is None for completion in found.values())
    assert len(found) == 2


def test_a_wrong_model_is_one_message(serving: Serving) -> None:
    with pytest.raises(EngineError, match=r"there is no model named 'tinny'. Did you mean 'tiny'\? Set runtime.openai"):
        engine_for(serving, model="tinny")


def test_what_the_server_refuses_is_its_rows_error_in_its_own_words(serving: Serving) -> None:
    with closing(engine_for(serving, extra_body={"temperature": "warm"})) as engine:
        (found,) = engine.stream([Request("r", (Message("user", "Say yes."),))])
    assert found.error is not None
    assert found.error.kind == "refused"
    assert "the server answered 400: " in found.error.message


def test_a_server_that_is_killed_and_started_again_costs_no_row(serving: Serving) -> None:
    """Last in this file: it ends with another server than it began with."""
    requests = [
        Request(
            str(n), (Message("user", f"Count from {n} to {n + 20}."),), sampling=Sampling(0.95, 0.7, 50, 24), seed=n
        )
        for n in range(24)
    ]
    found: dict[str, Completion] = {}
    with closing(engine_for(serving, max_concurrency=4, patience=START_SECONDS)) as engine:
        for completion in engine.stream(requests):
            assert completion.request_id not in found
            found[completion.request_id] = completion
            if len(found) == 6:
                serving.kill()
                again = threading.Thread(target=serving.start)
                again.start()
        again.join()
    assert len(found) == 24
    assert [completion.error for completion in found.values() if completion.error] == []
