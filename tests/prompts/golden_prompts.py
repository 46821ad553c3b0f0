"""The golden files: each shipped prompt in each family of templates, as text and as token ids."""

from __future__ import annotations

import json
from pathlib import Path

from prompt_families import FAMILIES, FOLDER, Family, load_tokenizer

from ownwords.prompts.render import load_prompt, prompt_names
from ownwords.records import Example, Message
from ownwords.rendering import prompt_ids, render_prompt

GOLDEN = FOLDER / "golden"

EXAMPLES = {
    "plain": Example(
        id="plain",
        messages=(Message("user", "Natalia sold clips to 48 friends, then half as many. How many in all?"),),
        reference="She sold 48/2 = 24 clips, then 48+24 = 72.\nThe answer is 72.",
    ),
    "conversation": Example(
        id="conversation",
        messages=(
            Message("system", "You are a pirate."),
            Message("user", "Name a dish."),
            Message("assistant", "Sweet & sour pork, <b>matey</b>."),
            Message("user", "And a drink? {{ 1 }}"),
        ),
        reference="Rum — what else?",
    ),
}


def golden_names() -> list[tuple[str, Family]]:
    return [(name, family) for name in prompt_names() for family in FAMILIES]


def golden_path(name: str, family: Family) -> Path:
    return GOLDEN / f"{name.replace('/', '-')}.{family.name}.json"


def render_golden(name: str, family: Family) -> str:
    """What the golden file holds: for each example the text that the model continues, in lines, and its token ids."""
    tokenizer, prompt = load_tokenizer(family), load_prompt(name)
    entries = {}
    for key, example in EXAMPLES.items():
        rendered = prompt.render(example)
        text = render_prompt(tokenizer, rendered.messages, rendered.prefill)
        ids = prompt_ids(tokenizer, rendered.messages, rendered.prefill)
        entries[key] = {"text": text.splitlines(keepends=True), "ids": " ".join(map(str, ids))}
    return json.dumps(entries, ensure_ascii=False, indent=1) + "\n"
