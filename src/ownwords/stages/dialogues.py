"""Dialogues for replay: prompts of a source, or written by the seed model, with answers of the source or of the seed.

They are looked for in waves until there are enough: a wave takes the next candidates, as many as the ones before say
are needed, and is a pure function of the journal. Every candidate ends with one reason, `ok` where it is used.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Any, Protocol

from ownwords.data.load import folded
from ownwords.errors import StageError
from ownwords.journal import Entry, Key
from ownwords.progress import Progress
from ownwords.recipe import ReplaySection
from ownwords.records import Completion, Message, Request, Sampling, digest
from ownwords.rendering import Given, TemplateError, target_ids
from ownwords.stages.context import Context
from ownwords.stages.empty_turn import own_turn
from ownwords.stages.general import General, general_rows, known_prompts
from ownwords.stages.giving_up import stop_if_hopeless, stop_if_too_many
from ownwords.turns import turn_of

STAGE = "replay"
PROMPT, ANSWER = 0, 1  # the journal's attempt numbers
OK, NOT_NEEDED = "ok", "not_needed"

#: A wave asks for so many times the missing number at most, whatever share could be used before.
MOST_PER_MISSING = 4
#: The seed model writes so many prompts for each that is wanted, and so many more, before it is given up.
TRIES, MORE_TRIES = 8, 32


@dataclass(frozen=True, slots=True)
class Candidate:
    """A prompt, as the messages before an answer, and the source's answer if it has one. `id` names it in the journal;
    `reason` is empty unless it is known already not to be used."""

    id: str
    messages: tuple[Message, ...] = ()
    tools: str = ""
    answer: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A candidate with what became of it. `engine` is the provenance (JSON) of what made `completion`."""

    candidate: Candidate
    reason: str
    answer: str = ""
    completion: Completion | None = None
    engine: str = ""


@dataclass(slots=True)
class Found:
    """Every candidate that was looked at, in order."""

    wanted: int
    dialogues: list[Dialogue] = field(default_factory=list[Dialogue])

    @property
    def usable(self) -> int:
        return sum(dialogue.reason == OK for dialogue in self.dialogues)

    @property
    def next_wave(self) -> int:
        """How many candidates to look at next: the missing ones by the share that could be used so far."""
        missing = self.wanted - self.usable
        share = self.usable / len(self.dialogues) if self.dialogues else 1.0
        return ceil(missing / max(share, 1 / MOST_PER_MISSING))

    def close(self) -> None:
        """What was found beyond the wanted number is not needed."""
        used = 0
        for place, dialogue in enumerate(self.dialogues):
            if dialogue.reason == OK:
                used += 1
                if used > self.wanted:
                    self.dialogues[place] = replace(dialogue, reason=NOT_NEEDED)


class Prompts(Protocol):
    """Where candidates come from. `tokens` is how many the seed model has written for them."""

    tokens: int

    def more(self, count: int) -> list[Candidate]:
        """The next ones, at most `count`; none where there are no more."""
        ...


def find_dialogues(context: Context, section: ReplaySection, prompts: Prompts, wanted: int) -> Found:
    """Look at candidates until `wanted` can be used, or there are no more.

    Raises:
        StageError, EngineError: the seed model cannot be asked.
    """
    found = Found(wanted)
    tokenizer = context.tokenizer(context.recipe.tune.chat_template)
    while found.usable < wanted:
        some = prompts.more(found.next_wave)
        if not some:
            break
        found.dialogues += _answered(context, section, some, tokenizer)
    found.close()
    return found


class SourcePrompts:
    """The rows of a source, in their order."""

    def __init__(self, context: Context, section: ReplaySection, arm: str) -> None:
        if section.data is None:
            raise ValueError("prompts of a source need one")
        self.general: General = general_rows(context, section.data, arm)
        self.tokens = 0
        self._next = 0

    def more(self, count: int) -> list[Candidate]:
        places = self.general.places[self._next : self._next + count]
        self._next += len(places)
        rows = (self.general.examples[place] for place in places)
        return [Candidate(row.id, row.messages, row.tools, row.reference) for row in rows]


class OwnPrompts:
    """Prompts that the seed model writes: it goes on from an empty user turn."""

    def __init__(self, context: Context, section: ReplaySection, wanted: int) -> None:
        self._context = context
        self._section = section
        self._turn = own_turn(context)
        self._known = known_prompts(context)
        self.tokens = 0
        self._next, self._end = 0, TRIES * wanted + MORE_TRIES

    def more(self, count: int) -> list[Candidate]:
        numbers = range(self._next, min(self._next + count, self._end))
        self._next = numbers.stop
        requests = {Key(f"own-{number}", PROMPT, r.hash): r for number in numbers for r in [self._request(number)]}
        entries = _ask(self._context, requests, "writing prompts")
        return [self._candidate(key.example_id, entries[key].completion) for key in requests]

    def _request(self, number: int) -> Request:
        recipe = self._context.recipe
        return Request(
            id=f"own-{number}",
            text=self._turn.opening,
            sampling=_sampling(self._section),
            seed=_seed(recipe.seed, "prompt", str(number)),
            weights=self._context.rewriter_weights,
        )

    def _candidate(self, name: str, completion: Completion) -> Candidate:
        self.tokens += completion.completion_tokens
        if completion.error is not None:
            return Candidate(name, reason=completion.error.kind)
        words = self._turn.words(completion)
        if words is None:
            return Candidate(name, reason="prompt_unfinished")
        if not words:
            return Candidate(name, reason="prompt_empty")
        reason = self._known.get(folded(words), "")
        self._known.setdefault(folded(words), "duplicate")
        return Candidate(name, (Message("user", words),), reason=reason)


def _answered(
    context: Context, section: ReplaySection, candidates: Sequence[Candidate], tokenizer: Any
) -> Iterator[Dialogue]:
    """The candidates in their order, each with its answer or the reason why it is not used."""
    if section.answers == "data":
        for candidate in candidates:
            yield Dialogue(candidate, _fit(context, candidate, candidate.answer, tokenizer), candidate.answer)
        return
    asked = {c.id: _answer_request(context, section, c) for c in candidates if not c.reason}
    keys = {name: Key(name, ANSWER, request.hash) for name, request in asked.items()}
    entries = _ask(context, {keys[name]: request for name, request in asked.items()}, "answering prompts")
    for candidate in candidates:
        if candidate.reason:
            yield Dialogue(candidate, candidate.reason)
            continue
        entry = entries[keys[candidate.id]]
        text = _text(context, entry.completion)
        reason = _unusable(entry.completion) or _fit(context, candidate, text, tokenizer)
        yield Dialogue(candidate, reason, text, entry.completion, entry.engine)


def _answer_request(context: Context, section: ReplaySection, candidate: Candidate) -> Request:
    recipe = context.recipe
    return Request(
        id=candidate.id,
        messages=candidate.messages,
        sampling=_sampling(section),
        seed=_seed(recipe.seed, "answer", candidate.id),
        weights=context.rewriter_weights,
        chat_template=recipe.tune.chat_template,
        tools=candidate.tools,
        thinking=context.thinking,
    )


def _unusable(completion: Completion) -> str:
    """Why it is no answer; empty if it is one."""
    if completion.error is not None:
        return completion.error.kind
    return "" if completion.finish_reason == "stop" else "unfinished"


def _fit(context: Context, candidate: Candidate, text: str, tokenizer: Any) -> str:
    """`ok`, or why the answer cannot be trained on."""
    if not text.strip():
        return "empty"
    given = Given(tools=candidate.tools, thinking=context.thinking)
    try:
        prompt, target = target_ids(tokenizer, candidate.messages, text, given)
    except TemplateError:
        return "chat_template"
    return OK if len(prompt) + len(target) <= context.recipe.tune.max_length else "too_long"


def _text(context: Context, completion: Completion) -> str:
    """The turn that would be trained on, with its reasoning where the run's data keep theirs."""
    turn = turn_of(completion)
    return turn.as_text() if context.recipe.data.thinking == "keep" else replace(turn, reasoning="").as_text()


def _sampling(section: ReplaySection) -> Sampling:
    return Sampling(**section.sampling.model_dump())


def _seed(run_seed: int, what: str, name: str) -> int:
    """No arm's name is in it, so that arms with equal settings share what is generated."""
    return int(digest([run_seed, STAGE, what, name], length=8), 16)


def _ask(context: Context, requests: dict[Key, Request], label: str) -> dict[Key, Entry]:
    """The answer to every request: from the journal where it is, from the engine where it is not."""
    journal = context.run.journal
    journal.commit()  # only what is committed can be looked up
    found = journal.look_up(STAGE, list(requests))()
    missing = {request.id: key for key, request in requests.items() if key not in found}
    if not missing:
        return found
    engine = context.engine()
    engine.warm_up([context.rewriter_weights])
    provenance = json.dumps(engine.provenance.as_dict(), sort_keys=True)
    errors: Counter[str] = Counter()
    most = context.recipe.rewrite.max_error_rate
    startup = context.startup_seconds
    with Progress(f"replay, {label}", len(requests), done=len(found), startup=startup) as progress:
        asked = [requests[key] for key in missing.values()]
        for answered, completion in enumerate(engine.stream(asked), start=1):
            key = missing.pop(completion.request_id)
            journal.record(STAGE, key, completion, provenance)
            found[key] = Entry(key, completion, provenance, {})
            progress.advance(tokens=completion.completion_tokens)
            if completion.error is not None:
                errors[f"{completion.error.kind}: {completion.error.message}"] += 1
                stop_if_hopeless(errors, answered, most, "replay")
    stop_if_too_many(errors, len(requests), most, "replay")
    journal.commit()
    if missing:
        raise StageError(f"the engine left {len(missing)} requests of replay without an answer: run the command again.")
    return found
