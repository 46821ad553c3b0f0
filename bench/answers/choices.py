"""Multiple choice, from ARC: the letter with and without the choice's words, in the ways that models name it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.answers.case import Case, draw
from bench.data_files import file_in

FILES = (("general/arc_easy.jsonl", 220), ("general/arc_challenge.jsonl", 220))


@dataclass(frozen=True, slots=True)
class Question:
    """A question's right choice and a wrong one, as letters and words."""

    right: str
    words: str
    wrong: str
    wrong_words: str


def cases(folder: Path, dice: random.Random) -> Iterator[Case]:
    """One right and one wrong candidate a question."""
    for name, count in FILES:
        lines = file_in(folder, name).read_text(encoding="utf-8").splitlines()
        for line in dice.sample(lines, count):
            row = json.loads(line)
            gold = row["gold"]
            other = dice.choice([n for n in range(len(row["choices"])) if n != gold])
            words = [choice.rstrip(".") for choice in row["choices"]]
            question = Question("ABCDEFGHIJ"[gold], words[gold], "ABCDEFGHIJ"[other], words[other])
            reference = dice.choice(REFERENCES)
            for right, lists in ((True, (RIGHT, RIGHT_HELD_OUT)), (False, (WRONG, WRONG_HELD_OUT))):
                template, drawn = draw(*lists, dice, "right" if right else "wrong")
                yield Case("choices", drawn.name, reference(question), template(question), right, drawn.held_out)


Write = Callable[[Question], str]

REFERENCES: list[Write] = [
    lambda q: q.right,
    lambda q: f"({q.right})",
    lambda q: f"The answer is {q.right}.",
    lambda q: f"The answer is ({q.right}) {q.words}.",
    lambda q: f"{q.right}. {q.words}",
    lambda q: f"Answer: {q.right}) {q.words}",
    lambda q: f"A close look rules out the rest. The answer is ({q.right}).",
]

RIGHT: list[Write] = [
    lambda q: f"{q.right}",
    lambda q: f"{q.right}.",
    lambda q: f"({q.right})",
    lambda q: f"The answer is {q.right}.",
    lambda q: f"The answer is ({q.right}) {q.words}.",
    lambda q: f"Answer: {q.right}) {q.words}",
    lambda q: f"The correct answer is **{q.right}**.",
    lambda q: f"The correct choice is **{q.right}**.",
    lambda q: f"The correct option is {q.right}: {q.words}.",
    lambda q: f"Option {q.right}",
    lambda q: f"{q.right}. {q.words}",
    lambda q: f"**{q.right}. {q.words}**",
    lambda q: f"So the best choice is ({q.right}).",
    lambda q: f"\\boxed{{{q.right}}}",
    lambda q: f"The answer is $\\boxed{{\\text{{{q.right}}}}}$.",
    lambda q: f"Therefore, option {q.right} is correct.",
    lambda q: f"{q.right} is the correct answer, because {q.words} fits best.",
    lambda q: f"Option {q.wrong} ({q.wrong_words}) does not fit. Therefore the answer is {q.right}.",
    lambda q: f"Let us go through the choices. {q.wrong} is wrong. {q.right} is right.\n\n**Answer: {q.right}**",
    lambda q: f"#### {q.right}",
    lambda q: f"**Answer:** ({q.right.lower()}) {q.words}",
    lambda q: f"The right answer is option {q.right}, {q.words}.",
    lambda q: f"I would choose {q.right}.",
    lambda q: f"Final answer: {q.right}. I hope this helps!",
    lambda q: f"The answer is choice **{q.right}**, since {q.wrong} cannot be true.",
    lambda q: f"It is not {q.wrong}, so it must be {q.right}.",
    lambda q: f"<answer>{q.right}</answer>",
    lambda q: f"Answer: **{q.right}** - {q.words}",
    lambda q: f"The correct answer is:\n\n{q.right}. {q.words}",
    lambda q: f"At first {q.wrong} looks right. However, the answer is {q.right}.",
    lambda q: f"**Correct answer: {q.right}**\n\nThe other options do not explain it.",
    lambda q: f"The answer is letter {q.right}.",
    lambda q: f"{q.right}) {q.words}",
    lambda q: f"My answer: {q.right}",
    lambda q: f"After going through all of them, I believe {q.right} is the best answer.",
    lambda q: f"The most fitting choice here is {q.right}) {q.words}.",
    lambda q: f"Thus, the correct answer is option ({q.right}).",
    lambda q: f"Answer: [{q.right}]",
    lambda q: f"{q.right}: {q.words}",
    lambda q: f"The answer is {q.right} because {q.words} is what the question describes.",
    lambda q: f"We can rule out {q.wrong}. That leaves {q.right}, so the answer is {q.right}.",
    lambda q: f"### Answer\n\n**{q.right}) {q.words}**",
    lambda q: f"Correct Answer: {q.right}",
    lambda q: f"So the right option is **{q.right}**. The option {q.wrong} does not work.",
    lambda q: f"{q.right} is correct.",
    lambda q: f'The answer is "{q.right}".',
    lambda q: f"Clearly, ({q.right}) is the right one.",
    lambda q: f"We pick option {q.right}: {q.words}.",
    lambda q: f"The final answer is: $\\boxed{{{q.right}}}$",
    lambda q: f"The best answer is {q.right}.",
    lambda q: f"So, the answer is\n\n({q.right}) {q.words}",
    lambda q: f"I'm confident that the answer is {q.right}) {q.words}.",
    lambda q: f"Answer choice {q.right} is correct: {q.words}.",
    lambda q: f"Looking at each option:\n- {q.wrong}: no.\n- {q.right}: yes.\n\nAnswer: {q.right}",
    lambda q: f"*Answer: {q.right}*",
    lambda q: f"It's {q.right}.",
    lambda q: f"The correct answer is {q.words}, which is option {q.right}.",
    lambda q: f"Choice ({q.right}) fits best. The other choices, such as ({q.wrong}), do not.",
    lambda q: f"Hence: {q.right}",
    lambda q: f"The answer must be {q.right}, not {q.wrong}.",
    lambda q: f"({q.right}) {q.words} is the right answer.",
]

WRONG: list[Write] = [
    lambda q: f"{q.wrong}",
    lambda q: f"({q.wrong})",
    lambda q: f"The answer is {q.wrong}.",
    lambda q: f"The answer is ({q.wrong}) {q.wrong_words}.",
    lambda q: f"Answer: {q.wrong}) {q.wrong_words}",
    lambda q: f"The correct choice is **{q.wrong}**.",
    lambda q: f"The correct option is {q.wrong}: {q.wrong_words}.",
    lambda q: f"Option {q.wrong}",
    lambda q: f"{q.wrong}. {q.wrong_words}",
    lambda q: f"The answer is not {q.right}. The answer is {q.wrong}.",
    lambda q: f"Many would pick {q.right}, but option {q.wrong} is correct.",
    lambda q: f"\\boxed{{{q.wrong}}}",
    lambda q: f"The answer is {q.right} or {q.wrong}.",
    lambda q: f"Either ({q.right}) or ({q.wrong}).",
    lambda q: f"{q.wrong} is the correct answer, and {q.right} is not.",
    lambda q: f"Option {q.right} ({q.words}) does not fit. Therefore the answer is {q.wrong}.",
    lambda q: f"#### {q.wrong}",
    lambda q: "None of the choices is correct.",
    lambda q: f"The answer is {q.right}. Wait, no. The answer is {q.wrong}.",
    lambda q: f"**Answer:** ({q.wrong.lower()}) {q.wrong_words}",
    lambda q: f"Let us look at option {q.right} first, which says {q.words}.",
    lambda q: f"It is not {q.right}, so it must be {q.wrong}.",
    lambda q: f"I would choose {q.wrong}, not {q.right}.",
    lambda q: f"<answer>{q.wrong}</answer>",
    lambda q: f"At first {q.right} looks right. However, the answer is {q.wrong}.",
    lambda q: f"Option {q.right} is wrong.",
    lambda q: "I cannot decide between the options.",
    lambda q: f"The answer is {q.wrong}, although {q.right} comes close.",
    lambda q: f"Therefore, option {q.right} is incorrect, and {q.wrong} is correct.",
    lambda q: f"Both {q.right} and {q.wrong} are correct.",
    lambda q: f"My answer: {q.wrong}",
    lambda q: f"After going through all of them, I believe {q.wrong} is the best answer, not {q.right}.",
    lambda q: f"The most fitting choice here is {q.wrong}) {q.wrong_words}.",
    lambda q: f"Thus, the correct answer is option ({q.wrong}).",
    lambda q: f"Answer: [{q.wrong}]",
    lambda q: f"{q.wrong}: {q.wrong_words}",
    lambda q: f"We can rule out {q.right}. That leaves {q.wrong}, so the answer is {q.wrong}.",
    lambda q: f"### Answer\n\n**{q.wrong}) {q.wrong_words}**",
    lambda q: f"So the right option is **{q.wrong}**. The option {q.right} does not work.",
    lambda q: f"{q.wrong} is correct.",
    lambda q: f"The answer might be {q.right}, but it might also be {q.wrong}.",
    lambda q: f"The answer cannot be {q.right}.",
    lambda q: f"We pick option {q.wrong}: {q.wrong_words}.",
    lambda q: f"Clearly, ({q.wrong}) is the right one.",
    lambda q: f"The correct answers are {q.right} and {q.wrong}.",
    lambda q: f"The final answer is: $\\boxed{{{q.wrong}}}$",
    lambda q: f"The best answer is {q.wrong}.",
    lambda q: f"So, the answer is\n\n({q.wrong}) {q.wrong_words}",
    lambda q: f"Answer choice {q.wrong} is correct: {q.wrong_words}.",
    lambda q: f"Looking at each option:\n- {q.right}: no.\n- {q.wrong}: yes.\n\nAnswer: {q.wrong}",
    lambda q: f"It's {q.wrong}.",
    lambda q: f"The correct answer is {q.wrong_words}, which is option {q.wrong}.",
    lambda q: f"Choice ({q.wrong}) fits best. The other choices, such as ({q.right}), do not.",
    lambda q: f"Hence: {q.wrong}",
    lambda q: f"The answer must be {q.wrong}, not {q.right}.",
    lambda q: f"({q.wrong}) {q.wrong_words} is the right answer.",
    lambda q: f"{q.right} seems plausible, but {q.wrong} is the answer.",
    lambda q: f"It is {q.right} or {q.wrong}, I am not sure which.",
]


# Written last: see `bench.checks_answers` about what is held out.

RIGHT_HELD_OUT: list[Write] = [
    lambda q: f"So I'd go with {q.right}.",
    lambda q: f"Final choice: {q.right}",
    lambda q: f"Of the given options, {q.right} ({q.words}) is correct.",
    lambda q: f"The answer: {q.right} - {q.words}",
    lambda q: f"{q.wrong} can be excluded. The answer is **{q.right}. {q.words}**",
    lambda q: f"My final answer is ({q.right}).",
]

WRONG_HELD_OUT: list[Write] = [
    lambda q: f"So I'd go with {q.wrong}.",
    lambda q: f"Final choice: {q.wrong}",
    lambda q: f"Of the given options, {q.wrong} ({q.wrong_words}) is correct.",
    lambda q: f"{q.right} can be excluded. The answer is **{q.wrong}. {q.wrong_words}**",
    lambda q: f"My final answer is ({q.wrong}), because ({q.right}) is false.",
    lambda q: f"The answer is {q.right}? No, it is {q.wrong}.",
]
