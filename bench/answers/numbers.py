"""Word problems with whole numbers, from GSM8K and MultiArith: the reference's own steps, written anew, and a close.

The steps and the question stand around the answer as they would in a rewrite, so the right number is often mentioned
in a candidate that ends with a wrong one. A cut-off candidate whose last number happens to be right is left out: nobody
could say what it deserves.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.answers.case import Case, draw
from bench.data_files import file_in

FILES = (("gsm8k_train.json", 700), ("gsm8k_test.json", 250), ("multiarith_test.json", 100))

_ANSWER = re.compile(r"The answer is (-?[\d,]+)\.?\s*$")
_ASKED = re.compile(r"[Hh]ow many (?:more |total |fewer |of the )?([a-z]+)")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Problem:
    """A question, the lines of its solution and its answer."""

    question: str
    reference: str
    steps: tuple[str, ...]
    answer: int
    unit: str


def cases(folder: Path, dice: random.Random) -> Iterator[Case]:
    """One right and one wrong candidate a problem."""
    for name, count in FILES:
        rows = json.loads(file_in(folder, name).read_text(encoding="utf-8"))
        for row in dice.sample(rows, count):
            problem = _problem(row)
            if problem is None:
                continue
            for right in (True, False):
                case = _case(problem, right, dice)
                if case is not None:
                    yield case


def _problem(row: dict[str, str]) -> Problem | None:
    question, reference = row.get("question") or row["instruction"], row.get("answer") or row["output"]
    found = _ANSWER.search(reference)
    if found is None:
        return None
    steps = tuple(line.strip() for line in reference[: found.start()].splitlines() if line.strip())
    asked = _ASKED.search(question)
    unit = asked[1] if asked else "dollars" if "how much" in question.lower() else "units"
    return Problem(question, reference, steps, int(found[1].replace(",", "")), unit)


def _case(problem: Problem, right: bool, dice: random.Random) -> Case | None:
    if not right and problem.steps and dice.random() < 0.12:
        return _cut_off(problem, dice)
    tuned, held_out = (RIGHT, RIGHT_HELD_OUT) if right else (WRONG, WRONG_HELD_OUT)
    close, drawn = draw(tuned, held_out, dice, "right" if right else "wrong")
    text = close(problem, dice)
    if text is None:
        return None
    style, how = draw(STYLES, STYLES_HELD_OUT, dice, "steps")
    body = style(problem) if problem.steps and "{steps}" not in text else ""
    if "{steps}" in text:
        text = text.replace("{steps}", style(problem))
    candidate = f"{body}{dice.choice(BREAKS)}{text}" if body else text
    held_out = drawn.held_out or how.held_out
    return Case("numbers", drawn.name, problem.reference, candidate, right, held_out)


def _cut_off(problem: Problem, dice: random.Random) -> Case | None:
    """The steps, ended before the last one is through."""
    style, how = draw(STYLES, STYLES_HELD_OUT, dice, "cut off, steps")
    text = style(problem)
    *before, last = problem.steps
    text = text[: text.rfind(last[:12])].rstrip() if before else last[:12]
    numbers = _NUMBER.findall(text)
    if numbers and float(numbers[-1].replace(",", "")) == problem.answer:
        return None
    return Case("numbers", how.name, problem.reference, text, False, how.held_out)


BREAKS = ("\n", "\n\n", "\n\n", " ")

STYLES: list[Callable[[Problem], str]] = [
    lambda p: "\n".join(p.steps),
    lambda p: "\n".join(f"{n}. {step}" for n, step in enumerate(p.steps, 1)),
    lambda p: "Let's break it down.\n\n" + "\n".join(f"* {step}" for step in p.steps),
    lambda p: "\n".join(f"**Step {n}:** {step}" for n, step in enumerate(p.steps, 1)),
    lambda p: "To solve this problem, we go step by step: " + " ".join(_sentence(step) for step in p.steps),
    lambda p: "\n\n".join(f"Step {n}: {step}" for n, step in enumerate(p.steps, 1)),
    lambda p: "Sure! Here is how to work it out.\n\n" + "\n".join(_as_math(step) for step in p.steps),
    lambda p: "First, " + " Then, ".join(_sentence(step) for step in p.steps),
    lambda p: "### Solution\n\n" + "\n\n".join(p.steps),
    lambda p: "",
    lambda p: "Here's my reasoning:\n" + "\n".join(f"- {step}" for step in p.steps),
    lambda p: "\n".join(f"({chr(96 + n)}) {step}" for n, step in enumerate(p.steps, 1)),
    lambda p: f"We are asked: {p.question}\n\n" + " ".join(_sentence(step) for step in p.steps),
    lambda p: "\n\n".join(f"## Step {n}\n{step}" for n, step in enumerate(p.steps, 1)),
    lambda p: "\n".join(f"{step} ✔" for step in p.steps),
    lambda p: "Let me walk you through this.\n\n" + "\n\n".join(f"**{step}**" for step in p.steps),
    lambda p: "<think>\n" + "\n".join(p.steps) + "\n</think>\n",
    lambda p: "Solution:\n" + "\n".join(f"{n}) {step}" for n, step in enumerate(p.steps, 1)),
    lambda p: "\n".join(f"➤ {step}" for step in p.steps),
    lambda p: "Okay, so " + " Next, ".join(_sentence(step) for step in p.steps),
]


def _sentence(step: str) -> str:
    return step if step.endswith((".", "!", ":")) else f"{step}."


def _as_math(step: str) -> str:
    """The step with its calculation set as LaTeX, as chat models like to."""
    times = r"\times"
    return re.sub(
        r"(?<![\d.])(\d+(?:\.\d+)?) ?([-+*]) ?(\d+(?:\.\d+)?) ?= ?\$?(\d+(?:\.\d+)?)(?![\d,])",
        lambda m: f"\\( {m[1]} {times if m[2] == '*' else m[2]} {m[3]} = {m[4]} \\)",
        step,
    )


def _other(p: Problem, dice: random.Random) -> str:
    """Another number, of the kind that a careless rewrite ends with."""
    n = p.answer
    swapped = int(str(abs(n))[::-1]) if len(str(abs(n))) > 1 else n
    options = [n + 1, n - 1, n + 10, n * 2, n + dice.randrange(2, 60), swapped, n * 10, n * 1000]
    return f"{dice.choice([value for value in options if value != n]):d}"


Close = Callable[[Problem, random.Random], "str | None"]

RIGHT: list[Close] = [
    lambda p, d: f"The answer is {p.answer}.",
    lambda p, d: f"Therefore, the final answer is **{p.answer}**.",
    lambda p, d: f"#### {p.answer}",
    lambda p, d: f"So the answer is $\\boxed{{{p.answer}}}$.",
    lambda p, d: f"So the answer is {p.answer} {p.unit}.",
    lambda p, d: f"**Answer:** {p.answer} {p.unit}",
    lambda p, d: f"Final answer: {p.answer:,}",
    lambda p, d: f"In total, that makes {p.answer} {p.unit}.",
    lambda p, d: f"Thus, there are **{p.answer} {p.unit}** in all.",
    lambda p, d: f"The answer is {p.answer} {p.unit}, since {p.answer + 3} - 3 = {p.answer}.",
    lambda p, d: f"Answer: {p.answer}. I hope this helps! Let me know if you have any other questions.",
    lambda p, d: f"### Final Answer\n\n{p.answer} {p.unit}",
    lambda p, d: f"$$\\boxed{{{p.answer}\\text{{ {p.unit}}}}}$$",
    lambda p, d: f"The correct answer is ${p.answer}$.",
    lambda p, d: f"So, the result is {p.answer}.",
    lambda p, d: f"Hence the total comes to {p.answer:,} {p.unit}.",
    lambda p, d: f"That gives us **{p.answer}**.",
    lambda p, d: f"The final answer is: \\(\\boxed{{{p.answer}}}\\)",
    lambda p, d: f"**The answer is {p.answer}.**",
    lambda p, d: f"<answer>{p.answer}</answer>",
    lambda p, d: f"The answer is therefore {p.answer} {p.unit}.",
    lambda p, d: f"Putting it all together: {p.answer} {p.unit}.",
    lambda p, d: f"{p.answer} {p.unit} is the answer.",
    lambda p, d: f"**Final Answer:**\n\n**{p.answer} {p.unit}**",
    lambda p, d: f"The answer, after adding everything up, is {p.answer}.",
    lambda p, d: f"So the answer would be {p.answer:,} {p.unit} (we only count what is left).",
    lambda p, d: f"The answer is {p.answer}.\n\nHere is why:\n{{steps}}",
    lambda p, d: f"So they end up with {p.answer} {p.unit} over the {d.randrange(2, 9)} days.",
    lambda p, d: f"Final Answer: The final answer is {p.answer}. I hope it is correct.",
    lambda p, d: f"Therefore, the number of {p.unit} is equal to {p.answer}.",
    lambda p, d: f"\\[\n\\boxed{{{p.answer}}}\n\\]\n\nSo, that is the number of {p.unit}.",
    lambda p, d: f"The total is ${p.answer}.00." if p.unit == "dollars" else f"The total is {p.answer}.0 {p.unit}.",
    lambda p, d: f"It follows that the quantity we are looking for is {p.answer}.",
    lambda p, d: f"The answer: {p.answer}",
    lambda p, d: f"Answer = {p.answer} {p.unit}!",
    lambda p, d: f"Therefore:\n\n> **{p.answer} {p.unit}**",
    lambda p, d: f"The answer is {p.answer}. Let me double-check: {p.answer} - 1 + 1 = {p.answer}, so it is right.",
    lambda p, d: f"Thus our final answer comes out to be {p.answer}.",
    lambda p, d: f"And that's it! We have found that there are {p.answer} {p.unit} altogether. 🎉",
    lambda p, d: f"You might first think of {_other(p, d)}, but the answer is {p.answer}.",
    lambda p, d: f"The answer is {_other(p, d)}. Wait, that is not right. Checking again, the answer is {p.answer}.",
    lambda p, d: f"answer is {p.answer}",
    lambda p, d: f"Adding it all together, we can say with confidence: the answer is {p.answer}.",
    lambda p, d: f"The answer comes to {p.answer} {p.unit}.",
    lambda p, d: f"=> {p.answer} {p.unit}",
    lambda p, d: f"∴ The answer is {p.answer}",
    lambda p, d: f"**Final answer**: {p.answer:,} {p.unit}",
    lambda p, d: f"That's a total of {p.answer} {p.unit}!",
    lambda p, d: f"So, to answer the question: {p.answer} {p.unit}.",
    lambda p, d: f"Therefore, $$\\text{{Total}} = {p.answer}$$",
    lambda p, d: f"This means we need exactly {p.answer} {p.unit}. Hope that makes sense!",
    lambda p, d: f"The final answer is thus $\\mathbf{{{p.answer}}}$.",
    lambda p, d: f"__Answer: {p.answer}__",
    lambda p, d: f"My answer is {p.answer} {p.unit}.",
    lambda p, d: f"\\(\\boxed{{\\text{{{p.answer} {p.unit}}}}}\\)",
    lambda p, d: f"Final Answer:\n```\n{p.answer}\n```",
    lambda p, d: f"Answer - {p.answer}",
    lambda p, d: f"The solution is therefore {p.answer} {p.unit}.",
    lambda p, d: f"The answer is **{p.answer} {p.unit}**, which matches what we would expect.",
    lambda p, d: f"ANSWER: {p.answer} {p.unit.upper()}",
    lambda p, d: f"I first got {_other(p, d)}, but I had forgotten a step; the answer is {p.answer}.",
    lambda p, d: f"| Result | {p.answer} |",
    lambda p, d: f"In the end, {p.answer} {p.unit} remain.",
    lambda p, d: f"Thus, the answer to your question is {p.answer} {p.unit}.",
    lambda p, d: f"Final result: **{p.answer} {p.unit}**",
    lambda p, d: f"So we need {p.answer} {p.unit} in total.",
    lambda p, d: f"Therefore the answer must be {p.answer}.",
    lambda p, d: f"The answer is\n\n**{p.answer}**",
    lambda p, d: f"Hence, our final answer is:\n\n\\[ \\boxed{{{p.answer}}} \\]",
    lambda p, d: f"The answer is {p.answer}. (If you only count the first half, the number would be smaller.)",
    lambda p, d: f"The answer is $\\boxed{{{p.answer}}}$ {p.unit}.",
    lambda p, d: f"Result = {p.answer}",
    lambda p, d: f"So, there you have it: {p.answer} {p.unit}.",
    lambda p, d: f"**{p.answer}** is the final answer.",
    lambda p, d: f"Answer: \\({p.answer}\\) {p.unit}",
    lambda p, d: f"The answer is {p.answer} {p.unit}. Great job following along!",
    lambda p, d: f"Therefore, {p.answer} {p.unit} is what we were looking for.",
    lambda p, d: f"*The answer is {p.answer}.*",
    lambda p, d: f"Let's verify the result: {p.answer} is consistent with all conditions. The answer is {p.answer}.",
    lambda p, d: f"$\\text{{Answer: }} {p.answer}$",
    lambda p, d: f"In summary, the answer is {p.answer:,}, given that nothing else changes.",
]

WRONG: list[Close] = [
    lambda p, d: f"The answer is {_other(p, d)}.",
    lambda p, d: f"You might think the answer is {p.answer}, but the correct answer is {_other(p, d)}.",
    lambda p, d: f"The answer is not {p.answer} but {_other(p, d)}.",
    lambda p, d: f"The answer is -{p.answer}." if p.answer else None,
    lambda p, d: f"The answer is {p.answer * 10}." if p.answer else None,
    lambda p, d: f"The answer is {p.answer} thousand." if p.answer else None,
    lambda p, d: f"The answer is {p.answer}. Wait, I made a mistake. It should be {_other(p, d)}.",
    lambda p, d: f"The answer is {p.answer} or {_other(p, d)}.",
    lambda p, d: f"So it is either {_other(p, d)} or {p.answer}.",
    lambda p, d: f"Everything adds up to {p.answer}.\n\n#### {_other(p, d)}",
    lambda p, d: f"We get {p.answer}, therefore $\\boxed{{{_other(p, d)}}}$.",
    lambda p, d: f"So in total there are {_other(p, d)} {p.unit}.",
    lambda p, d: "I'm sorry, but this cannot be determined from what is given.",
    lambda p, d: f"**{p.answer}** so far. **Final answer: {_other(p, d)}**",
    lambda p, d: f"The answer is between {p.answer} and {p.answer + d.randrange(1, 9)}.",
    lambda p, d: f"The answer is {p.answer}.5.",
    lambda p, d: f"The answer is {p.answer}{d.randrange(1, 10)}.",
    lambda p, d: f"The answer is {_other(p, d)}, not {p.answer}.",
    lambda p, d: f"{p.answer} is a common wrong answer. The answer is {_other(p, d)}.",
    lambda p, d: f"The answer is {p.answer} - 1 = {p.answer - 1}.",
    lambda p, d: f"\\boxed{{{p.answer}, {_other(p, d)}}}",
    lambda p, d: f"#### {p.answer}\n#### {_other(p, d)}",
    lambda p, d: f"The answer is {p.answer}/{d.randrange(2, 9)}." if p.answer else None,
    lambda p, d: f"The total is {p.answer}. Without the {d.randrange(2, 9)} extra, {_other(p, d)} {p.unit} are left.",
    lambda p, d: f"Answer: {_other(p, d)} (at first I had {p.answer})",
    lambda p, d: f"Final answer: 1/{p.answer}" if abs(p.answer) > 1 else None,
    lambda p, d: f"The answer is {p.answer} {p.unit} or maybe {_other(p, d)} {p.unit}.",
    lambda p, d: f"The answer is {p.answer}. Actually, no: {_other(p, d)} {p.unit}.",
    lambda p, d: f"Starting from {p.answer}, we arrive at **{_other(p, d)} {p.unit}**.",
    lambda p, d: f"The answer is {_other(p, d)}.\n\nHere is why: the {p.answer} {p.unit} are not all.",
    lambda p, d: f"{p.answer} - {d.randrange(1, 5)}",
    lambda p, d: f"It is {p.answer}, or perhaps {_other(p, d)}; hard to say.",
    lambda p, d: f"The answer is {p.answer / 100:.2f}." if p.answer % 100 else f"The answer is {p.answer * 100}.",
    lambda p, d: f"Answer: {p.answer} million {p.unit}" if p.answer else None,
    lambda p, d: f"So {p.answer} {p.unit}... no, hold on, that leaves out one. So {p.answer + 1} {p.unit}.",
    lambda p, d: "Therefore, the answer is",
    lambda p, d: f"The answer is minus {p.answer} {p.unit}." if p.answer else None,
    lambda p, d: f"One option is \\boxed{{{p.answer}}}. The other, which I prefer, is \\boxed{{{_other(p, d)}}}.",
    lambda p, d: f"<answer>{_other(p, d)}</answer>",
    lambda p, d: f"{p.answer} would be right if nothing were lost. In the end {_other(p, d)} remain.",
    lambda p, d: f"The answer is {p.answer}k." if p.answer else None,
    lambda p, d: f"Final Answer: The final answer is {_other(p, d)}. I hope it is correct.",
    lambda p, d: f"The answer comes to {_other(p, d)} {p.unit}.",
    lambda p, d: f"So, to answer the question: {_other(p, d)} {p.unit}.",
    lambda p, d: f"My answer is {_other(p, d)}. Some would say {p.answer}, but they are wrong.",
    lambda p, d: f"Rather than {p.answer}, the answer is {_other(p, d)}.",
    lambda p, d: f"**Final answer**: {_other(p, d)} {p.unit}",
    lambda p, d: f"The answer is about {p.answer + 1}.",
    lambda p, d: f"\\(\\boxed{{\\text{{{_other(p, d)} {p.unit}}}}}\\)",
    lambda p, d: f"The answer could be {p.answer}, but it could also be {_other(p, d)}.",
    lambda p, d: f"The answer is {p.answer}/{p.answer + 1}." if p.answer > 1 else None,
    lambda p, d: f"The answer is 0.{p.answer}." if p.answer > 0 else None,
    lambda p, d: f"The answer is less than {p.answer}, namely {p.answer - 1}.",
    lambda p, d: f"We found {p.answer} at first. After a second look the total is {_other(p, d)} {p.unit}.",
    lambda p, d: f"Final Answer:\n```\n{_other(p, d)}\n```",
    lambda p, d: f"The answer is {p.answer}. Sorry, that was for the first part only. The answer is {_other(p, d)}.",
    lambda p, d: f"Take {p.answer} and add {d.randrange(2, 30)}. That is the answer.",
    lambda p, d: f"Therefore, $$\\text{{Total}} = {_other(p, d)}$$",
    lambda p, d: f"The answer is {p.answer}x." if p.answer else None,
    lambda p, d: f"I get {p.answer} or {_other(p, d)}, depending on how one reads the question.",
    lambda p, d: f"| Result | {_other(p, d)} |",
    lambda p, d: f"The answer is {p.answer}^2." if abs(p.answer) > 1 else None,
    lambda p, d: f"Without the last step we would have {p.answer}. With it, {_other(p, d)} {p.unit} remain.",
    lambda p, d: f"Thus, the answer to your question is {_other(p, d)} {p.unit}.",
    lambda p, d: f"Final result: **{_other(p, d)} {p.unit}**",
    lambda p, d: f"The answer is\n\n**{_other(p, d)}**",
    lambda p, d: f"The answer is {p.answer}, or rather {_other(p, d)}.",
    lambda p, d: f"So there are {p.answer} {p.unit} before the last step, which leaves {_other(p, d)} {p.unit}.",
    lambda p, d: f"The answer lies somewhere from {p.answer} to {p.answer + d.randrange(2, 40)}.",
    lambda p, d: f"It can't be {p.answer}, so the answer is {_other(p, d)}.",
    lambda p, d: f"Answer: \\({_other(p, d)}\\) {p.unit}",
    lambda p, d: f"The answer is {p.answer}: no, it is {_other(p, d)}.",
    lambda p, d: f"Answer: {p.answer} + {d.randrange(2, 30)}",
    lambda p, d: f"The answer is twice {p.answer}." if p.answer else None,
    lambda p, d: f"Is it {p.answer}? No. The answer is {_other(p, d)}.",
    lambda p, d: f"$\\text{{Answer: }} {_other(p, d)}$",
    lambda p, d: f"Hence, our final answer is:\n\n\\[ \\boxed{{{_other(p, d)}}} \\]",
    lambda p, d: f"The answer is {p.answer} squared." if abs(p.answer) > 1 else None,
]


# Written last: see `bench.checks_answers` about what is held out.

STYLES_HELD_OUT: list[Callable[[Problem], str]] = [
    lambda p: "Let's think about it.\n" + "\n".join(f"{n}: {step}" for n, step in enumerate(p.steps, 1)),
    lambda p: "**Explanation:** " + " ".join(_sentence(step) for step in p.steps),
]

RIGHT_HELD_OUT: list[Close] = [
    lambda p, d: f"So in the end, the answer we get is {p.answer} {p.unit}.",
    lambda p, d: f"**Result:** {p.answer} {p.unit}",
    lambda p, d: f"Therefore, the total number of {p.unit} is {p.answer:,}.",
    lambda p, d: f"The correct final answer: $\\boxed{{{p.answer}}}$",
    lambda p, d: f"This gives a final answer of {p.answer}.",
    lambda p, d: f"And the answer is... {p.answer} {p.unit}!",
    lambda p, d: f"Answer (in {p.unit}): {p.answer}",
    lambda p, d: f"The answer is {p.answer}. Does that make sense?",
]

WRONG_HELD_OUT: list[Close] = [
    lambda p, d: f"So in the end, the answer we get is {_other(p, d)} {p.unit}.",
    lambda p, d: f"Therefore, the total number of {p.unit} is {_other(p, d)}, not {p.answer}.",
    lambda p, d: f"The correct final answer: $\\boxed{{{_other(p, d)}}}$",
    lambda p, d: f"This gives a final answer of {_other(p, d)}.",
    lambda p, d: f"If nothing was lost it would be {p.answer}. The answer is {_other(p, d)}.",
    lambda p, d: f"The answer is {p.answer}. Oops, I forgot one step: the answer is {_other(p, d)}.",
    lambda p, d: f"**Result:** -{p.answer} {p.unit}" if p.answer else None,
    lambda p, d: f"Answer (in {p.unit}): {_other(p, d)}",
]
