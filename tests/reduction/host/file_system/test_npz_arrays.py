"""Archives of arrays are opened within bounds, whatever they say of themselves."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from reduction.host.file_system.npz_arrays import NpzBounds, open_npz

MOST_BYTES = 1 << 20


def array(values: object) -> bytes:
    content = io.BytesIO()
    np.save(content, np.asarray(values))
    return content.getvalue()


def archive(compression: int, **arrays: bytes) -> io.BytesIO:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as made:
        for name, each in arrays.items():
            made.writestr(f"{name}.npy", each)
    return content


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_arrays_are_read_as_numpy_writes_them(compression: int) -> None:
    with open_npz(archive(compression, a=array([1, 2]), b=array(3.5)), MOST_BYTES) as arrays:
        assert arrays["a"].tolist() == [1, 2]
        assert arrays["b"] == 3.5


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_compression_without_bounds_is_refused(compression: int) -> None:
    with pytest.raises(NpzBounds, match="compressed otherwise than by numpy"):
        open_npz(archive(compression, a=array([1, 2])), MOST_BYTES)


def test_too_much_of_it_is_refused() -> None:
    with pytest.raises(NpzBounds, match="more than 1 MiB"):
        open_npz(archive(zipfile.ZIP_DEFLATED, a=bytes(MOST_BYTES + 1)), MOST_BYTES)


def test_too_many_arrays_are_refused() -> None:
    many = {f"a{number}": b"" for number in range(2000)}
    with pytest.raises(NpzBounds, match="too many arrays"):
        open_npz(archive(zipfile.ZIP_STORED, **many), MOST_BYTES)


def test_an_array_is_not_read_beyond_the_size_that_it_says() -> None:
    content = bytearray(archive(zipfile.ZIP_DEFLATED, a=array([1]) + bytes(64 << 20)).getvalue())
    size = content.rindex(b"PK\1\2") + 24
    content[size : size + 4] = len(array([1])).to_bytes(4, "little")
    with open_npz(io.BytesIO(content), MOST_BYTES) as arrays, pytest.raises(zipfile.BadZipFile):
        arrays["a"]


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\5\6", bytes(100)])
def test_what_is_no_archive_is_an_error(content: bytes) -> None:
    with pytest.raises((NpzBounds, zipfile.BadZipFile, EOFError, ValueError)):
        open_npz(io.BytesIO(content), MOST_BYTES)
