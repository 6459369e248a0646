"""Puts the files that an order names into the order, as they were read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from reduction.control.orders import RanksOrder
from reduction.instrument.detector_file import DetectorFileKind
from reduction.instrument.load_files import LoadedFile, LoadFile
from reduction.parameters.detectors import DetectorSettings
from reduction.parameters.specs import Refused

UnreadFile = tuple[DetectorFileKind, str]
"""What a file is for, and its path."""


def nothing_loaded(kind: DetectorFileKind, path: str) -> LoadedFile:
    """Reads no file; raises `Refused`."""
    raise Refused(kind, path, "files are not read here")


def unread_files(order: RanksOrder) -> set[UnreadFile]:
    """The files that the settings of an order name and that have not been read."""
    return {
        (kind, path)
        for each in order.reductions
        for kind, path, digest in _named(each.settings.detectors)
        if path and not digest
    }


def with_files(order: RanksOrder, load: LoadFile) -> RanksOrder:
    """The order with all files that its settings name, and no others.

    ``load`` reads those that have not been read; raises what it raises.
    """
    files = {(each.kind, each.digest): each for each in order.files}
    reductions = []
    for each in order.reductions:
        detectors = each.settings.detectors
        for kind, path, digest in _named(detectors):
            if not path:
                detectors = _read(detectors, kind, "", ())
            elif not digest:
                loaded = load(kind, path)
                files[kind, loaded.file.digest] = loaded.file
                detectors = _read(detectors, kind, loaded.file.digest, loaded.group_names)
        settings = dataclasses.replace(each.settings, detectors=detectors)
        reductions.append(dataclasses.replace(each, settings=settings))
    needed = {
        (kind, digest) for each in reductions for kind, _, digest in _named(each.settings.detectors)
    }
    kept = tuple(files[key] for key in sorted(files.keys() & needed))
    return dataclasses.replace(order, reductions=tuple(reductions), files=kept)


def _named(settings: DetectorSettings) -> Iterator[tuple[DetectorFileKind, str, str]]:
    """Each kind of file, its path, and the digest of what was read; both empty for none."""
    yield DetectorFileKind.CALIBRATION, settings.calibration, settings.read.calibration
    yield DetectorFileKind.MASK, settings.mask_file, settings.read.mask
    yield DetectorFileKind.GROUPS, settings.groups_file, settings.read.groups


def _read(
    settings: DetectorSettings, kind: DetectorFileKind, digest: str, names: tuple[str, ...]
) -> DetectorSettings:
    """The settings with a file noted as read; without a digest as none."""
    match kind:
        case DetectorFileKind.CALIBRATION:
            read = dataclasses.replace(settings.read, calibration=digest, calibration_names=names)
        case DetectorFileKind.MASK:
            read = dataclasses.replace(settings.read, mask=digest)
        case DetectorFileKind.GROUPS:
            read = dataclasses.replace(settings.read, groups=digest, group_names=names)
    return settings if read == settings.read else dataclasses.replace(settings, read=read)
