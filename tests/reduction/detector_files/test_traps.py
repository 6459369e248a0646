"""Small files that would take much, and files of other encodings: refused by the place of it."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from reduction.detector_files.columns import MOST_REPEATED
from reduction.detector_files.content import LARGEST_LIST_BYTES
from reduction.instrument.detector_file import DetectorFileKind
from reduction.instrument.geometry import powder_arc
from reduction.instrument.load_files import load_file
from reduction.parameters.specs import Refused
from tests.reduction.detector_files.test_calibration_formats import CAL, hdf5, npz
from tests.reduction.detector_files.test_mask_and_group_formats import masking
from tests.support.cost import costs_at_most

ARC = powder_arc()
IDS = np.arange(100, dtype=np.int32)
DIFC = 1000.0 + IDS


def refusal(path: Path, content: bytes, kind: DetectorFileKind) -> str:
    """Why a file is refused; empty if it is read."""
    path.write_bytes(content)
    try:
        load_file(kind, str(path), ARC)
    except Refused as refused:
        return refused.why
    return ""


def difc_in(**how: Any) -> bytes:
    """A calibration whose DIFC is an empty dataset that is stored so."""
    with h5py.File("any", "w", driver="core", backing_store=False) as file:
        group = file.create_group("calibration")
        group["detid"] = IDS
        group.create_dataset("difc", (100,), "f8", **how)
        file.flush()
        return bytes(file.id.get_file_image())


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"chunks": (50_000_000,), "maxshape": (None,)}, "chunks of at most 25000000 values"),
        ({"chunks": (100,), "compression": "lzf"}, "gzip, with or without shuffle, was expected"),
    ],
)
def test_hdf5_that_would_become_long_is_refused_by_its_dataset(
    tmp_path: Path, how: dict[str, Any], words: str
) -> None:
    why = refusal(tmp_path / "a.h5", difc_in(**how), DetectorFileKind.CALIBRATION)
    assert why.startswith(f"/calibration/difc: {words}")


def test_numbers_of_more_than_64_bits_are_refused(tmp_path: Path) -> None:
    content = hdf5({"detid": IDS, "difc": DIFC.astype(np.longdouble)})
    why = refusal(tmp_path / "a.h5", content, DetectorFileKind.CALIBRATION)
    assert why == "/calibration/difc: numbers of at most 64 bits were expected"


def test_chunks_as_mantid_and_h5py_write_them_are_read(tmp_path: Path) -> None:
    for how in ({"compression": 6}, {"compression": 1, "shuffle": True}, {"chunks": (7,)}):
        content = hdf5({"detid": IDS, "difc": DIFC}, **how)
        path = tmp_path / "a.h5"
        path.write_bytes(content)
        columns = load_file(DetectorFileKind.CALIBRATION, str(path), ARC).file.columns
        np.testing.assert_array_equal(columns.difc, DIFC)


def test_links_to_other_files_are_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.h5"
    other.write_bytes(hdf5({"detid": IDS, "difc": DIFC}))
    path = tmp_path / "a.h5"
    for inside in ("/calibration", "/calibration/difc"):
        with h5py.File(path, "w") as file:
            if inside != "/calibration":
                file["calibration/detid"] = IDS
            file["outside"] = h5py.ExternalLink(str(other), inside)
            file[inside] = h5py.SoftLink("/outside")
        why = refusal(path, path.read_bytes(), DetectorFileKind.CALIBRATION)
        assert "was expected" in why or "it is damaged" in why


def test_one_detector_a_million_times_is_refused_soon(tmp_path: Path) -> None:
    rows = MOST_REPEATED + 2
    content = hdf5({"detid": np.zeros(rows, np.int32), "difc": np.ones(rows)}, compression=1)
    with costs_at_most(5):
        why = refusal(tmp_path / "a.h5", content, DetectorFileKind.CALIBRATION)
    assert why == "more than 1000000 rows have a detector id that another row has"


def test_arrays_that_are_compressed_without_bounds_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("detector_id.npy", npz(a=IDS))
    why = refusal(path, path.read_bytes(), DetectorFileKind.CALIBRATION)
    assert why == "it is compressed otherwise than by numpy"


@pytest.mark.parametrize("mark", ["utf-16", "utf-16-be"])
@pytest.mark.parametrize("text", [CAL, "0:15, 20-30"])
def test_text_in_utf_16_is_named(tmp_path: Path, mark: str, text: str) -> None:
    content = f"\ufeff{text}".encode(mark) if mark.endswith("be") else text.encode(mark)
    for kind in DetectorFileKind:
        why = refusal(tmp_path / "a.cal", content, kind)
        assert why == "it is text in UTF-16; save it as UTF-8"


def test_masks_in_xml_may_be_utf_16(tmp_path: Path) -> None:
    content = masking("<group><detids>0-7,120</detids></group>").decode().encode("utf-16")
    assert not refusal(tmp_path / "a.xml", content, DetectorFileKind.MASK)


@pytest.mark.parametrize(
    "content", [b"<detector-masking a='%s'/>", b"<!--%s", b"<?%s", b"<%s/>"], ids=repr
)
def test_a_long_token_in_xml_takes_linear_time(tmp_path: Path, content: bytes) -> None:
    content = content.replace(b"%s", b"x" * (LARGEST_LIST_BYTES - 100))
    with costs_at_most(2):  # a tenth of this; 2 s if each piece is scanned from its begin
        refusal(tmp_path / "a.xml", content, DetectorFileKind.MASK)
