"""What a judge says about the answers of an evaluation: asked when all answers are there, about equal ones once.

Judgements lie in the journal by the judge's model and the question's own text. So a killed evaluation asks only for
what is missing, and an answer that two variants give alike is paid for once. An error is no judgement: it is asked
again when its scores are made again.

A greedy judge has no chance in it. So neither the recipe's seed nor an item is a part of its questions, and a text is
asked once, whoever wants to know: both looks at an answer that equals the one beside it, a row that a file holds twice,
another benchmark with the same request. Where the judge draws its words, each look at each item is a draw of its own,
by the recipe's seed. Any other sampling is another question, a longer limit too: all is asked again then, also what was
not cut.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ownwords.benchmarks.base import Ask, Item
from ownwords.engines.base import needs_model
from ownwords.errors import RecipeError, StageError
from ownwords.journal import Key
from ownwords.progress import Progress, say
from ownwords.recipe import SamplingSection
from ownwords.records import Completion, Request, Sampling, Weights, digest, digest_text
from ownwords.stages.context import Context
from ownwords.stages.exam_open import OpenExams
from ownwords.stages.exam_readable import Asked, Readable
from ownwords.stages.exams import Exam
from ownwords.stages.giving_up import stop_if_hopeless, stop_if_too_many
from ownwords.stages.seed_answers import Task

GROUP = "judge"
#: Where a greedy judge's words about all benchmarks lie.
GREEDY = f"{GROUP}/benchmarks"


class Question(NamedTuple):
    """One question to the judge; equal ones are equal in all, so that one judgement serves every item that has it."""

    stage: str
    key: Key
    request: Request


def require_judge(context: Context, tasks: Sequence[Task]) -> None:
    """Benchmarks whose own score is what a judge says have one (else RecipeError)."""
    wanting = [task.benchmark.name for task in tasks if task.benchmark.reads == "judgements"]
    if wanting and context.benchmark_judge is None:
        raise RecipeError(
            f"{' and '.join(wanting)}: a judge gives the score, and there is none. Say who in evaluate.judge, e.g. "
            "{model: {name_or_path: …}, runtime: {engine: openai, openai: {base_url: …}}}."
        )


def is_judged(context: Context, exam: Exam) -> bool:
    return exam.benchmark.judge is not None and context.benchmark_judge is not None


def judge_facts(context: Context) -> dict[str, Any]:
    """Who judges, and whether it is the seed model itself, which is weak evidence."""
    judge = context.benchmark_judge
    assert judge is not None  # only judged exams come here
    loads = needs_model(judge.recipe.runtime.engine)
    model = judge.recipe.model.name_or_path if loads else judge.asked_model
    is_seed = judge.asked_model == context.asked_model or model == context.recipe.model.name_or_path
    return {"model": model, "is_seed": is_seed}


def judge(context: Context, exams: Sequence[Exam], finish: Callable[[Exam], None]) -> None:
    """Ask what is missing about answered exams, and finish each with its last judgement (see `exam_open`).

    Raises:
        StageError: the judge's errors are the rule, or nothing that it says can be read.
        EngineError: the judge cannot answer at all. What it has said is kept.
    """
    judge, section = context.benchmark_judge, context.recipe.evaluate.judge
    if judge is None or section is None or not exams:
        return
    questions = {exam.stage: _questions(context, judge, section.sampling, exam) for exam in exams}
    asked = {q.request.id: q for by_item in questions.values() for some in by_item.values() for q in some}
    known = _known(context, asked)
    waiting = [question.request for request_id, question in asked.items() if request_id not in known]
    if judge_facts(context)["is_seed"]:
        say("the judge is the seed model itself: weak evidence. evaluate.judge.model names another")
    readable = Readable([one for exam in exams for one in _about(exam, questions[exam.stage])])
    for request_id in list(known):
        readable.take(request_id, known)
    ids = {stage: _ids(by_item) for stage, by_item in questions.items()}
    open_exams = OpenExams(exams, ids, readable, finish)
    open_exams.take(known, list(known))
    errors: Counter[str] = Counter()
    limit, before = context.recipe.rewrite.max_error_rate, len(known)
    if waiting:
        with (
            context.at_work(judge),
            Progress("judging", len(asked), done=len(known), startup=judge.startup_seconds) as progress,
        ):
            engine = judge.engine()
            engine.warm_up([Weights()])
            provenance = json.dumps(engine.provenance.as_dict(), sort_keys=True)
            for answered, completion in enumerate(engine.stream(waiting), start=before + 1):
                question = asked[completion.request_id]
                context.run.journal.record(question.stage, question.key, completion, provenance)
                known[completion.request_id] = completion
                progress.advance(tokens=completion.completion_tokens)
                if completion.error is not None:
                    errors[f"{completion.error.kind}: {completion.error.message}"] += 1
                    stop_if_hopeless(errors, answered, limit, "judging")
                readable.take(completion.request_id, known)
                open_exams.take(known, [completion.request_id])
        if len(known) < len(asked):
            raise StageError(f"the judge's engine left {len(asked) - len(known)} questions without an answer.")
        stop_if_too_many(errors, len(asked), limit, "judging")
    readable.finish()
    open_exams.finish(known)


def _questions(context: Context, judge: Context, sampling: SamplingSection, exam: Exam) -> dict[str, list[Question]]:
    """Those about each item, by its id; none about an item with an answer that is an error."""
    ask = exam.benchmark.judge
    assert ask is not None  # only judged exams come here
    answers, of_benchmark = exam.by_item(), f"{GROUP}/{exam.benchmark.name}"
    # A judge's thoughts would be cut, and are not read; but a server may refuse the switch.
    thinking = False if needs_model(judge.recipe.runtime.engine) else None
    is_greedy = sampling.temperature == 0

    def question(item: Item, number: int, one: Ask) -> Question:
        stage, item_id, look = (GREEDY, "", 0) if is_greedy else (of_benchmark, item.id, number)
        request = Request(
            id="",
            messages=one.messages,
            text=one.text,
            sampling=Sampling(**sampling.model_dump()),
            seed=0 if is_greedy else int(digest([context.recipe.seed, stage, item_id, look], length=8), 16),
            thinking=thinking,
            schema=one.schema,
        )
        named = digest_text(f"{judge.asked_model} {request.hash}", length=24)
        return Question(stage, Key(item_id, look, named), replace(request, id=f"{stage}/{item_id}/{look}/{named}"))

    return {
        item.id: [question(item, number, one) for number, one in enumerate(ask(item, answers[item.id]))]
        for item in exam.items
        if all(answer.error is None for answer in answers[item.id])
    }


def _ids(by_item: Mapping[str, Sequence[Question]]) -> dict[str, list[str]]:
    return {item_id: [question.request.id for question in some] for item_id, some in by_item.items()}


def _about(exam: Exam, questions: Mapping[str, Sequence[Question]]) -> list[Asked]:
    """Items with their questions."""
    return [
        Asked(exam.benchmark, item, tuple(question.request.id for question in questions[item.id]))
        for item in exam.items
        if item.id in questions
    ]


def _known(context: Context, asked: Mapping[str, Question]) -> dict[str, Completion]:
    """What the journal has of them, by the request's id."""
    journal = context.run.journal
    by_key = {(question.stage, question.key): request_id for request_id, question in asked.items()}
    known: dict[str, Completion] = {}
    for stage in {question.stage for question in asked.values()}:
        journal.forget_errors(stage)
        for key, completion, _ in journal.completions(stage):
            if (stage, key) in by_key:
                known[by_key[stage, key]] = completion
    return known
