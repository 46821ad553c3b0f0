"""The lines of a file as bytes, decompressed where its name ends in .gz or .zst. Nothing beyond is read ahead of need.

Not covered: archives of several files (zip, tar), and damage that a stream without a checksum does not show.
"""

# pyright: basic
from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Generator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, cast

from ownwords.errors import DataError

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}

_BUFFER_BYTES = 2**16


def byte_lines(path: Path) -> Generator[bytes]:
    """The file's lines with their ends, split at line feeds only.

    Raises:
        DataError: the compressed stream is torn, damaged or none at all.
        OSError: the file cannot be read.
    """
    compression = COMPRESSIONS.get(path.suffix.lower())
    number = 0
    with _opened(path, compression) as file:
        try:
            for line in file:
                number += 1
                yield line
        except (EOFError, OSError, ValueError, zlib.error) as error:
            if compression is None or (isinstance(error, OSError) and error.errno is not None):
                raise  # what the disk says, not the decompressor
            raise DataError(
                f"{path}: not readable as {compression} after line {number}: {str(error).rstrip('.')}. "
                f"Is the file complete, and compressed with {compression}?"
            ) from error


def _opened(path: Path, compression: str | None) -> AbstractContextManager[BinaryIO]:
    if compression is None:
        return path.open("rb")
    if compression == "gzip":
        return cast("BinaryIO", gzip.open(path, "rb"))
    import pyarrow as pa

    return io.BufferedReader(pa.input_stream(str(path), compression=compression), _BUFFER_BYTES)
