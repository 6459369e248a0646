"""The first orders of all processes: defaults, saved settings, and settings of ``--set``."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ioc.options.event_log import autosave_path
from ioc.options.program import StartError
from ioc.options.shared_options import ServerOptions
from ioc.process.output import say
from ioc.pv_logs.log_file import remove_replacement
from ioc.pv_logs.log_history import PvLogHistory
from ioc.pv_logs.log_store import LogStore
from ioc.settings.autosave import SavedSettings, digests_by_name, load_settings
from ioc.settings.initial import AllOrders, first_orders
from ioc.settings.kept_files import ForeignFile, in_time, set_aside, told
from ioc.settings.restore import InstrumentCheck, restored
from ioc.settings.run_state_file import RunStateOwner, load_run_state
from reduction.control.order_files import with_files
from reduction.control.run_state import RunState
from reduction.engines.recipe import recipe
from reduction.host.file_system.allowed_folders import AllowedFolders
from reduction.host.file_system.file_threads import FileThreads
from reduction.instrument.default_bins import default_bins
from reduction.instrument.detector_file import DetectorFile, DetectorFileKind
from reduction.instrument.geometry import Instrument
from reduction.instrument.load_files import LoadedFile, LoadFile, load_file
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Refused
from reduction.results.references import LoadedReferences, ReadReference, references_in_time

log = logging.getLogger(__name__)


PV_LOGS_S = 120.0
"""Longest time to read the values of process variables, which may be 1.5 GB."""


@dataclass(frozen=True)
class StartingOrders:
    """The first orders, and sentences about what is not as it was when it was saved."""

    orders: AllOrders
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeptSettings:
    """Orders with the settings of an autosave file, and what of the file was not as it should be.

    ``digests`` are those of the files that were read when the settings were saved, by setting.
    """

    orders: AllOrders
    changes: tuple[str, ...] = ()
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class KeptRun:
    """The accumulation that goes on, or None, and what of its file was not as it should be."""

    run: RunState | None
    changes: tuple[str, ...] = ()


def starting_orders(
    options: ServerOptions, instrument: Instrument, folders: AllowedFolders
) -> StartingOrders:
    """Orders that fit the instrument; prints which settings are restored from the autosave file.

    Results may be saved in ``folders``.

    Raises `StartError` for settings of ``options.set`` that are refused, and for an autosave file
    that cannot be read.
    """
    orders = first_orders(options, instrument.bank_names, default_bins(instrument))
    threads = FileThreads()
    load = functools.cache(_load_in_time(instrument, threads))
    fits = _fits(instrument, load, references_in_time(threads), folders)
    try:
        fits(orders)
    except Refused as refused:
        raise StartError(str(refused)) from None
    kept = KeptSettings(orders)
    if (autosave := autosave_path(options)) is not None:
        kept = _restored(options, autosave, fits, orders)
    orders = kept.orders._replace(ranks=with_files(kept.orders.ranks, load))
    return StartingOrders(orders, (*kept.changes, *_changed_files(orders, kept.digests)))


def _changed_files(orders: AllOrders, digests: Mapping[str, str]) -> Iterator[str]:
    """A sentence, which is logged, for each file that has changed since the digests were saved."""
    now = digests_by_name(orders)
    for name in digests.keys() & now.keys():
        if digests[name] != now[name]:
            change = f"{name}: the file has changed since it was read last"
            log.warning(change)
            yield change


def kept_run(path: Path, owner: RunStateOwner) -> KeptRun:
    """The accumulation that a file keeps, and that goes on; prints since when it has been measured.

    A file that is damaged or of another instrument is set aside. Raises `StartError` for a file
    that cannot be read.
    """
    try:
        run = load_run_state(path, owner)
    except ForeignFile as foreign:
        change = f"{path} {set_aside(path)}, and the accumulation begins afresh: {foreign}"
        return KeptRun(None, (told(change),))
    if run is not None and run.places:
        say(kept_words(run, path))
    return KeptRun(run)


def kept_words(run: RunState, path: Path) -> str:
    """What becomes of the accumulation that the file at ``path`` keeps, in words."""
    begun = f"What was accumulated since {run.since}"
    if run.reached or not run.acquiring:
        reached = " (its preset was reached)" if run.reached else ""
        return f"{begun} has ended and is kept{reached} in {path}. Acquire begins anew"
    rest = "it is paused: put Run to Pause" if run.paused else "Reset drops it"
    return f"{begun} goes on ({path}); {rest}"


def kept_pv_logs(path: Path | None) -> PvLogHistory:
    """The values of process variables that a file keeps; without a ``path`` none are kept.

    A file that is damaged is set aside. Raises `StartError` for one that cannot be used.
    """
    if path is None:
        return PvLogHistory()

    def opened() -> LogStore:
        remove_replacement(path)
        return LogStore.opened(path, set_aside)

    try:
        store = in_time("run-state", path, opened, PV_LOGS_S)
        return PvLogHistory(store)
    except OSError as error:
        raise StartError(f"run-state: {path}: {error.strerror}") from None


def _load_in_time(instrument: Instrument, threads: FileThreads) -> LoadFile:
    """Reads files about detectors; what is not read in time is refused."""

    def load(kind: DetectorFileKind, path: str) -> LoadedFile:
        try:
            return threads.run_here(path, lambda: load_file(kind, path, instrument))
        except TimeoutError as silent:
            raise Refused(kind, path, silent.strerror or str(silent)) from None

    return load


def _fits(
    instrument: Instrument, load: LoadFile, read: ReadReference, folders: AllowedFolders
) -> InstrumentCheck:
    """A check of orders against the instrument, and the files and folders that they name."""

    @functools.cache  # for a million detectors it takes a second
    def check(counted: ReductionSettings, files: tuple[DetectorFile, ...]) -> None:
        recipe(counted, instrument, files=files)

    def fits(orders: AllOrders) -> None:
        orders.ioc.files.check_folder(folders)
        ranks = with_files(orders.ranks, load)
        for each in ranks.reductions:
            check(each.settings.counted, ranks.files)
            LoadedReferences.for_settings(each.settings, read=read)

    return fits


def _restored(
    options: ServerOptions, path: Path, fits: InstrumentCheck, first: AllOrders
) -> KeptSettings:
    """The ``first`` orders with the settings saved at ``path``; prints which are restored."""
    try:
        saved = load_settings(path, options.prefix)
    except ForeignFile as foreign:
        change = f"{path} {set_aside(path)}, and the defaults are used: {foreign}"
        return KeptSettings(first, (told(change),))
    banks = first.ranks.reductions[0].settings.detectors.banks
    result = restored(options, saved.settings, fits, banks)
    changes: tuple[str, ...] = ()
    if result.skipped:
        change = f"{path} has settings that are not restored; it {set_aside(path)}"
        changes = (told(change),)
    for skipped in result.skipped:
        log.warning("not restored: %s", skipped)
    changed = [f"{name} = {value}" for name, value in result.changed.items()]
    found = f"{len(result.names)} settings are restored from {path}"
    if saved == SavedSettings():
        found = f"Settings are kept in {path}, which is not there yet"
    say("\n".join([found, *changed]))
    digests = {name: saved.digests[name] for name in saved.digests.keys() & set(result.names)}
    with_before = replace(result.orders.ioc, before=saved.before)
    return KeptSettings(result.orders._replace(ioc=with_before), changes, digests)
