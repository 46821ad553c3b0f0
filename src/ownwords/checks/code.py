"""Checks that run the candidate's code: `python_runs`, `python_tests`, `same_behaviour`.

The code is taken from the answer's fence, or is the answer (see `_source`). It runs in a sandbox (see `sandbox`), and
what it says about itself proves nothing. The tests run in another process, in a sandbox of its own, which calls the
candidate's functions and gets values back, and which prints a secret token after the last test; there is nothing in the
candidate's process to be read, patched or imitated: no test, no token, no harness that decides. So these fail:

- a program that ends before the tests have (`sys.exit`, `os._exit`, a signal, whatever it prints or returns before)
- looking for tests or token (files, frames, `gc`, memory, other processes), replacing Python's own functions, `assert`
  or the harness in its process
- bringing its own `abs` or `math` for the tests to use: those names are the candidate's only where the reference
  defines them too
- results that are equal to everything: objects of the candidate's classes are compared with plain values as what they
  are derived from, and are equal to none if from nothing (a class of its own that defines how it equals the number 3
  fails therefore)

Not covered:

- What tests ask of the candidate's own objects (`key in cache`, `stack.is_empty()`, one object compared with another)
  is answered by its code, as it must be. Values that are right without having been computed are right.
- Tests that need more than calls and values: that derive a class from the candidate's, patch a module that it has
  imported, read its source, await its coroutines, or look at a list that it keeps in a global variable while it
  changes. Its functions' arguments are copied; changes that it makes to lists, sets and mappings among them are seen.
- Code that needs packages: there is the standard library, and nothing else.
- Without a sandbox (`--allow-unsafe-code`) nothing keeps a program from looking into the other process.
- `same_behaviour` compares no more than the first 10,000 items of an iterator, and floats that stand in the text of an
  object, or in what a program prints, to the letter.
- `python_runs` believes a program that goes out of its way to pretend that it has come to its end.

Reasons: `no_code`, `syntax_error`, `tests_failed` (the detail has the line of the tests), `timeout`, `exited_early`,
`memory`, `output_limit`, `crashed` (an exception in the module itself, or a signal), `different_output`, `no_function`,
`reference_fails`, `tests_invalid`.
"""

from __future__ import annotations

import time
import warnings
from typing import Annotated, Any

from pydantic import AfterValidator

from ownwords.checks._inside.outputs import has_address
from ownwords.checks._inside.program import NO_PYTHON
from ownwords.checks._outputs import same_output, shown, unclear
from ownwords.checks._source import Code, code_of, definitions
from ownwords.checks._trial import Result, failed, try_code
from ownwords.checks.base import check, require_worker
from ownwords.checks.sandbox import Limits, run_program
from ownwords.records import PASSED, Candidate, Example, Verdict

_NO_CODE = Verdict(False, "no_code", "there is no Python code in it")
#: A program's output is compared without what ends its lines.
_Output = tuple[bool, list[str]]
_MOST_SECONDS = 3600


def _some_seconds(timeout: float) -> float:
    if not 0 < timeout <= _MOST_SECONDS:
        raise ValueError(f"must be more than 0 seconds and at most {_MOST_SECONDS}, not {timeout:g}")
    return timeout


def _python(source: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of an unknown escape: it runs
            compile(source, "<tests>", "exec", dont_inherit=True)
    except SyntaxError as error:
        line = f" (line {error.lineno})" if error.lineno else ""
        raise ValueError(f"is no Python: {error.msg}{line}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"is no Python: {str(error) or 'it is nested too deep'}") from error
    return source


def _of_one_kind(inputs: list[Any]) -> list[Any]:
    if not any(inputs and all(isinstance(given, kind) for given in inputs) for kind in (str, list)):
        raise ValueError("must be texts to read, or with the parameter function lists of arguments, at least one")
    return inputs


Seconds = Annotated[float, AfterValidator(_some_seconds)]
Source = Annotated[str, AfterValidator(_python)]
Inputs = Annotated[list[Any], AfterValidator(_of_one_kind)]


@check("python_runs", runs_code=True)
def python_runs(example: Example, candidate: Candidate, *, timeout: Seconds = 10.0) -> Verdict:
    """Passes when the candidate's code runs as a program, with nothing to read, to its end.

    `sys.exit()` in its last statement is its end, before that it is `exited_early`.
    """
    return _tested(example, candidate, timeout, "__main__", "")


@check("python_tests", runs_code=True, typed=True)
def python_tests(example: Example, candidate: Candidate, *, tests: Source, timeout: Seconds = 10.0) -> Verdict:
    """Passes when `tests`, Python source that is run after the candidate's code, come to their end.

    `timeout` is in seconds, for both together. The candidate's `__name__` is `candidate`, so that no program starts.
    """
    return _tested(example, candidate, timeout, "candidate", tests)


def _inputs_fit(params: dict[str, Any]) -> None:
    kind = list if params["function"] else str
    if not all(isinstance(given, kind) for given in params["inputs"]):
        wanted = "lists of arguments with" if params["function"] else "texts to read without"
        raise ValueError(f"takes inputs that are {wanted} the parameter function")


@check("same_behaviour", runs_code=True, typed=True, requirement=_inputs_fit)
def same_behaviour(
    example: Example, candidate: Candidate, *, inputs: Inputs, function: str = "", timeout: Seconds = 10.0
) -> Verdict:
    """Passes when reference and candidate give the same outputs for the same inputs.

    With `function`, each input is a list of positional arguments for it, and what it returns or the kind of exception
    that it raises is compared: types and values, whatever the order in sets and mappings, floats to a billionth; of
    iterators the items. Without, each input is a text that the program reads, and what it prints is compared, as is
    whether it fails. `timeout` is in seconds, for all inputs together, for each of the two.
    """
    require_worker()
    names = frozenset({function}) if function else frozenset[str]()
    reference, code = code_of(example.reference, names), code_of(candidate.text, names)
    if code is None:
        return _NO_CODE
    if reference is None:
        return Verdict(False, "reference_fails", "there is no Python code in the reference")
    if function:
        return _same_values(reference, code, inputs, function, timeout)
    return _same_texts(reference, code, inputs, timeout)


def _tested(example: Example, candidate: Candidate, timeout: float, name: str, tests: str) -> Verdict:
    require_worker()
    reference = code_of(example.reference)
    defined = definitions(reference.source) if reference is not None else frozenset[str]()
    code = code_of(candidate.text, defined)
    if code is None:
        return _NO_CODE
    return _verdict(code, try_code(code.source, timeout, name=name, tests=tests, defined=sorted(defined)))


def _verdict(code: Code, result: Result) -> Verdict:
    if result["reason"] == "ok":
        return PASSED
    return _NO_CODE if result["reason"] == "syntax_error" and not code.fenced else failed(result)


def _same_values(reference: Code, code: Code, inputs: list[Any], function: str, timeout: float) -> Verdict:
    job = {"name": "candidate", "function": function, "calls": inputs}
    wanted = try_code(reference.source, timeout, **job)
    if wanted["reason"] != "ok":
        return Verdict(False, "reference_fails", f"{wanted['reason']}: {wanted.get('detail', '')}")
    for given, right in zip(inputs, wanted["outputs"], strict=True):
        if why := unclear(right):
            return Verdict(False, "reference_fails", f"{_call(function, given)} gives {why}: it cannot be compared")
    found = try_code(code.source, timeout, **job)
    if found["reason"] != "ok":
        return _verdict(code, found)
    for given, right, output in zip(inputs, wanted["outputs"], found["outputs"], strict=True):
        if not same_output(right, output):
            what = f"{_call(function, given)}: {shown(output)}, not {shown(right)}"
            return Verdict(False, "different_output", what)
    return PASSED


def _call(function: str, values: list[Any]) -> str:
    return f"{function}({', '.join(map(repr, values))[:200]})"


def _same_texts(reference: Code, code: Code, inputs: list[str], timeout: float) -> Verdict:
    wanted = _outputs(reference, inputs, timeout)
    if isinstance(wanted, Verdict):
        return Verdict(False, "reference_fails", f"{wanted.reason}: {wanted.detail}")
    for given, (_, lines) in zip(inputs, wanted, strict=True):
        if line := next(filter(has_address, lines), ""):
            detail = f"for the input {given[:200]!r} it prints an address, another one each time: {line[:200]!r}"
            return Verdict(False, "reference_fails", detail)
    found = _outputs(code, inputs, timeout)
    if isinstance(found, Verdict):
        return found
    for given, right, output in zip(inputs, wanted, found, strict=True):
        if right != output:
            how = (
                "it fails"
                if right[0] and not output[0]
                else f"{_first(output, right)!r}, not {_first(right, output)!r}"
            )
            return Verdict(False, "different_output", f"for the input {given[:200]!r}: {how}")
    return PASSED


def _outputs(code: Code, inputs: list[str], timeout: float) -> list[_Output] | Verdict:
    """For each input whether the program went well, and its lines; a verdict where it did not end."""
    until = time.monotonic() + timeout
    outputs: list[_Output] = []
    for given in inputs:
        ran = run_program(code.source, given, Limits(seconds=max(0.0, until - time.monotonic())))
        if ran.status != "ended":
            return Verdict(False, ran.status, f"for the input {given[:200]!r}")
        if ran.code == NO_PYTHON:
            return (
                _NO_CODE if not code.fenced else Verdict(False, "syntax_error", ran.stderr.decode("utf-8", "replace"))
            )
        text = ran.stdout.decode("utf-8", "replace").rstrip()
        outputs.append((ran.code == 0, [line.rstrip() for line in text.split("\n")]))
    return outputs


def _first(output: _Output, other: _Output) -> str:
    """The first line in which they differ."""
    pairs = zip(output[1], [*other[1], *[""] * len(output[1])], strict=False)
    return next((line for line, theirs in pairs if line != theirs), "")[:200]
