"""Places on the way of a training: saved like its end, so that they can be evaluated beside it.

While it trains, they lie in its working folder as `step-N`; a resumed training finds those before its checkpoint there
and writes the others again. When it ends, each place is put where it stays: `arms/<arm>/<training>-part0.5`.

How long a training takes is known before it starts, unless it may stop early. Then places are kept at a distance that
doubles as the training goes on, and those nearest to the shares of the steps up to the weights that were kept are
chosen at the end.
"""

# pyright: basic
from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ownwords.run import write_json
from ownwords.stages.trainer import save_weights

#: So many times as many places as asked for are kept where the end is not known, so that one is near each share.
KEPT_TIMES = 4


@dataclass(frozen=True, slots=True)
class Place:
    """`part` is the share that was asked for, `step` the optimizer step that it is, out of `steps` up to the end."""

    part: float
    step: int
    steps: int


def shares(count: int) -> list[float]:
    """Evenly spaced: 1/(count+1), 2/(count+1), …"""
    return [number / (count + 1) for number in range(1, count + 1)]


def nearest_step(part: float, steps: int) -> int:
    """The optimizer step at a share of a training; the first at least."""
    return max(1, int(part * steps + 0.5))


def distance(step: int, count: int) -> int:
    """Steps between the places that are kept when `step` is reached and the end is not known: a power of two."""
    result = 1
    while step > KEPT_TIMES * (count + 1) * result:
        result *= 2
    return result


def folder_at(end: Path, part: float) -> Path:
    """Where a place stays: beside the folder of the training's end."""
    return end.with_name(f"{end.name}-part{part:.3g}")


def saving_callback(count: int, work: Path, tokenizer: Any, name: str, *, may_stop: bool) -> Any:
    """The trainer's callback that saves `count` places into `work`. `name` is the seed model's; `may_stop` says that
    the training may end before its last step."""
    from transformers import TrainerCallback

    class Saving(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
            step = state.global_step
            if may_stop:
                wanted = step % distance(step, count) == 0
            else:
                wanted = step in {nearest_step(part, state.max_steps) for part in shares(count)}
            if wanted:
                save_weights(model, tokenizer, _at(work, step), name)
            if may_stop:
                for old in _steps(work):
                    if old % distance(step, count):
                        shutil.rmtree(_at(work, old))

    return Saving()


def put_in_place(count: int, work: Path, end: Path, steps: int) -> list[Place]:
    """Copy each place from the working folder to where it stays. `steps` lead to the weights that were kept.

    Copied, not moved: a process that is killed here finds everything again.
    """
    known = _steps(work)
    places = [Place(part, _nearest(known, nearest_step(part, steps)), steps) for part in shares(count)]
    for place in places:
        folder = folder_at(end, place.part)
        temporary = folder.with_name(f".{folder.name}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(_at(work, place.step), temporary)
        write_json(temporary / "place.json", asdict(place))
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    return places


def _at(work: Path, step: int) -> Path:
    return work / f"step-{step}"


def _steps(work: Path) -> list[int]:
    return sorted(int(folder.name.rpartition("-")[2]) for folder in work.glob("step-*"))


def _nearest(steps: Sequence[int], wanted: int) -> int:
    return min(steps, key=lambda step: (abs(step - wanted), step))
