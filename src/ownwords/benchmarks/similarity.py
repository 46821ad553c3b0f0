"""Do the answers to general prompts still mean what the seed's would, in the same words and the same style?

A sample item: the prompt

    What are the names of some famous actors that started their careers on Broadway?

answered by the seed and by the arm with the same decoding.

Metric `cosine`: the cosine of the two answers' all-MiniLM-L6-v2 embeddings, 1 for the same text; the seed's own score
is 1 where decoding is greedy. Further metrics of the same answers:

- `bleu4`, `rouge_l`: likeness by shared words, as sacrebleu and rouge-score have it; `bleu4_paper`, `rouge_l_paper`:
  as the paper has it. They are other numbers (see `_likeness`).
- `words`: length of the answer; `length_log_ratio`: natural logarithm of its length over the seed's, both plus one.
- `sentence_length`: words a sentence. `markdown`: share of answers with a heading, list, code, table or bold text.
- `same_opening`: share of answers that begin with the same three words as the seed's.

Nothing is better about longer or shorter answers, so of `words`, `length_log_ratio`, `sentence_length` and `markdown`
only the difference from the seed says something: how far the arm has drifted, and which way.

Cosine, BLEU-4 and ROUGE-L are the measures of section 5 of the paper, which takes AdvBench's prompts
(`path: $OWNWORDS_DATA/harmful_behaviors.csv` is read too, by its field `goal`). 100 prompts unless `limit` says
otherwise.

Source: the instructions of AlpacaEval (Dubois et al. 2024, CC BY-NC 4.0), or a `path` with the field `instruction`,
`prompt` or `goal`. The encoder is Reimers and Gurevych's (arXiv 1908.10084), Apache-2.0; it and the other measures need
the extra `eval`.

What it does not cover: whether an answer is right or helpful; anything past the encoder's first 256 word pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ownwords.benchmarks import _likeness, _style
from ownwords.benchmarks._embedding import cosine, require_encoder
from ownwords.benchmarks._general import load_prompts
from ownwords.benchmarks.base import Ask, Benchmark, DataContext, Item, Metric
from ownwords.recipe import BenchmarkSection
from ownwords.records import Completion

Score = Callable[[Item, Sequence[Completion]], float | None]


def load(settings: BenchmarkSection, context: DataContext) -> list[Item]:
    require_encoder(settings.name)
    _likeness.require_likeness(settings.name)
    return load_prompts(settings)


def prompt(item: Item, settings: BenchmarkSection) -> list[Ask]:
    return [Ask(messages=item.messages)]


def score(item: Item, completions: Sequence[Completion]) -> float:
    """Cosine of the answer and the seed's."""
    return cosine(completions[0].text, item.gold.text)


def _of_both(measure: Callable[[str, str], float | None]) -> Score:
    """A measure of the answer and the seed's."""
    return lambda item, completions: measure(completions[0].text, item.gold.text)


def _of_answer(measure: Callable[[str], float | None]) -> Score:
    return lambda item, completions: measure(completions[0].text)


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
    more=(
        Metric("bleu4", "Likeness to the seed's answers, BLEU-4 of words, mean of answers", _of_both(_likeness.bleu4)),
        Metric("rouge_l", "Likeness to the seed's answers, ROUGE-L F of words", _of_both(_likeness.rouge_l)),
        Metric(
            "bleu4_paper",
            "Likeness to the seed's answers, BLEU-4 of characters, as in the paper",
            _of_both(_likeness.bleu4_paper),
        ),
        Metric(
            "rouge_l_paper",
            "Likeness to the seed's answers, ROUGE-L F of jieba's words, as in the paper",
            _of_both(_likeness.rouge_l_paper),
        ),
        Metric(
            "same_opening", "Answers that begin with the same three words as the seed's", _of_both(_style.same_opening)
        ),
        Metric(
            "words",
            "Length of answers",
            _of_answer(lambda text: float(len(_style.words(text)))),
            higher_is_better=None,
            unit="words",
        ),
        Metric(
            "length_log_ratio",
            "Length of answers over that of the seed's, as a logarithm: −0.69 is half, 0.69 double",
            _of_both(_style.length_log_ratio),
            higher_is_better=None,
            unit="ln",
        ),
        Metric(
            "sentence_length",
            "Length of the sentences in answers",
            _of_answer(_style.sentence_length),
            higher_is_better=None,
            unit="words/sentence",
        ),
        Metric(
            "markdown",
            "Answers with a heading, list, code, table or bold text",
            _of_answer(_style.has_markdown),
            higher_is_better=None,
        ),
    ),
)
