"""The first orders of all processes: defaults, saved settings, and settings of ``--set``."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ioc.options.program import StartError
from ioc.options.shared_options import ServerOptions
from ioc.pv_logs.log_history import PvLogHistory
from ioc.pv_logs.log_store import LogStore
from ioc.settings.autosave import ForeignFile, digests_by_name, load_settings, set_aside
from ioc.settings.initial import AllOrders, first_orders
from ioc.settings.restore import InstrumentCheck, restored
from ioc.settings.run_state_file import RunStateOwner, load_run_state
from reduction.control.order_files import with_files
from reduction.control.run_state import RunState
from reduction.engines.recipe import recipe
from reduction.host.allowed_folders import AllowedFolders
from reduction.instrument.default_bins import default_bins
from reduction.instrument.detector_file import DetectorFile
from reduction.instrument.geometry import Instrument
from reduction.instrument.load_files import LoadFile, load_file
from reduction.parameters.reduction import ReductionSettings
from reduction.parameters.specs import Refused
from reduction.results.references import LoadedReferences

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StartingOrders:
    """The first orders, and sentences about what is not as it was when it was saved."""

    orders: AllOrders
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
    load = functools.cache(functools.partial(load_file, instrument=instrument))
    fits = _fits(instrument, load, folders)
    try:
        fits(orders)
    except Refused as refused:
        raise StartError(str(refused)) from None
    digests: Mapping[str, str] = {}
    if options.autosave:
        orders, digests = _restored(options, Path(options.autosave), fits, orders)
    orders = orders._replace(ranks=with_files(orders.ranks, load))
    return StartingOrders(orders, tuple(_changed_files(orders, digests)))


def _changed_files(orders: AllOrders, digests: Mapping[str, str]) -> Iterator[str]:
    """A sentence, which is logged, for each file that has changed since the digests were saved."""
    now = digests_by_name(orders)
    for name in digests.keys() & now.keys():
        if digests[name] != now[name]:
            change = f"{name}: the file has changed since it was read last"
            log.warning(change)
            yield change


def kept_run(path: Path, owner: RunStateOwner) -> RunState | None:
    """The accumulation that a file keeps, and that goes on; prints since when it has been measured.

    None if there is none. A file that is damaged or of another instrument is set aside. Raises
    `StartError` for a file that cannot be read.
    """
    try:
        run = load_run_state(path, owner)
    except ForeignFile as foreign:
        aside = set_aside(path, "run-state")
        log.warning(
            "%s is renamed to %s, and the accumulation begins afresh: %s", path, aside, foreign
        )
        return None
    if run is not None and run.places:
        print(
            f"What was accumulated since {run.since} goes on ({path}); Reset drops it", flush=True
        )
    return run


def kept_pv_logs(path: Path | None) -> PvLogHistory:
    """The values of process variables that a file keeps; without a ``path`` none are kept.

    A file that is damaged is set aside. Raises `StartError` for one that cannot be used.
    """
    if path is None:
        return PvLogHistory()
    try:
        return PvLogHistory(LogStore.opened(path, lambda file: set_aside(file, "run-state")))
    except OSError as error:
        raise StartError(f"run-state: {path}: {error.strerror}") from None


def _fits(instrument: Instrument, load: LoadFile, folders: AllowedFolders) -> InstrumentCheck:
    """A check of orders against the instrument, and the files and folders that they name."""

    @functools.cache  # for a million detectors it takes a second
    def check(counted: ReductionSettings, files: tuple[DetectorFile, ...]) -> None:
        recipe(counted, instrument, files=files)

    def fits(orders: AllOrders) -> None:
        orders.ioc.files.check_folder(folders)
        ranks = with_files(orders.ranks, load)
        for each in ranks.reductions:
            check(each.settings.counted, ranks.files)
            LoadedReferences.for_settings(each.settings)

    return fits


def _restored(
    options: ServerOptions, path: Path, fits: InstrumentCheck, first: AllOrders
) -> tuple[AllOrders, Mapping[str, str]]:
    """The ``first`` orders with the settings saved at ``path``, and the digests saved with them.

    Prints which settings are restored.
    """
    try:
        saved = load_settings(path, options.prefix)
    except ForeignFile as foreign:
        log.warning(
            "%s is renamed to %s, and the defaults are used: %s", path, set_aside(path), foreign
        )
        return first, {}
    banks = first.ranks.reductions[0].settings.detectors.banks
    result = restored(options, saved.settings, fits, banks)
    if result.skipped:
        log.warning(
            "%s has settings that are not restored; it is kept as %s", path, set_aside(path)
        )
    for skipped in result.skipped:
        log.warning("not restored: %s", skipped)
    print(f"{len(result.names)} settings are restored from {path}", flush=True)
    for name, value in result.changed.items():
        print(f"{name} = {value}", flush=True)
    digests = {name: saved.digests[name] for name in saved.digests.keys() & set(result.names)}
    return result.orders, digests
