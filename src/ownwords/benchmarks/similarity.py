"""Do the answers to general prompts still mean what the seed's would? Likeness of sentence embeddings.

A sample item: the prompt

    What are the names of some famous actors that started their careers on Broadway?

answered by the seed and by the arm with the same decoding.

Metric `cosine`: the cosine of the two answers' all-MiniLM-L6-v2 embeddings, 1 for the same text; the seed's own score
is 1 where decoding is greedy. This is the measure of section 5 of the paper, which takes AdvBench's prompts
(`path: $OWNWORDS_DATA/harmful_behaviors.csv` is read too, by its field `goal`). 100 prompts unless `limit` says
otherwise.

Source: the instructions of AlpacaEval (Dubois et al. 2024, CC BY-NC 4.0), or a `path` with the field `instruction`,
`prompt` or `goal`. The encoder is Reimers and Gurevych's (arXiv 1908.10084), Apache-2.0; it needs the extra `eval`.

What it does not cover: whether an answer is right or helpful; anything past the encoder's first 256 word pieces.
"""

from __future__ import annotations

from collections.abc import Sequence

from ownwords.benchmarks._embedding import cosine, require_encoder
from ownwords.benchmarks._general import load_prompts
from ownwords.benchmarks.base import Ask, Benchmark, DataContext, Item
from ownwords.recipe import BenchmarkSection
from ownwords.records import Completion


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    require_encoder(settings.name)
    return load_prompts(settings)


def prompt(item: Item, settings: BenchmarkSection) -> list[Ask]:
    return [Ask(messages=item.messages)]


def score(item: Item, completions: Sequence[Completion]) -> float:
    """Cosine of the answer and the seed's."""
    return cosine(completions[0].text, item.gold.text)


BENCHMARK = Benchmark(
    name="similarity",
    summary="Likeness of answers to general prompts to the seed's, by sentence embeddings",
    area="general",
    metric="cosine",
    load=load,
    prompt=prompt,
    score=score,
    unit="cosine",
    seed_answers="decoded",
)
