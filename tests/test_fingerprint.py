"""What is said about a stage that is done again: the keys that changed."""

from __future__ import annotations

from ownwords.fingerprint import changed_keys


def test_a_change_inside_a_long_value_is_named_by_its_own_key() -> None:
    benchmark = {"name": "gsm8k", "limit": None, "prompt": "default", "chat_template": None, "max_tokens": None}
    changed = {**benchmark, "max_tokens": 100, "samples": 2}
    assert changed_keys({"benchmark": benchmark, "seed": 1}, {"benchmark": changed, "seed": 1}) == [
        "benchmark.max_tokens: None → 100",
        "benchmark.samples: (unset) → 2",
    ]
    assert changed_keys({"benchmark": benchmark}, {"benchmark": dict(reversed(benchmark.items()))}) == []
