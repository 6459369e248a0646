"""The native engine: what Mantid's ConvertUnits, Rebin and SumSpectra do, in one compiled pass."""

from __future__ import annotations

import enum
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from reduction.engines.block_engine import BlockEngine
from reduction.engines.detector_rows import DetectorRows
from reduction.engines.memory_pool import FEW_SPARE, MemoryPool
from reduction.engines.native.blocks.event_store import (
    BLOCK_EVENTS,
    RAW_EVENT_BYTES,
    EventBlock,
    EventStore,
)
from reduction.engines.native.blocks.ordered_block import OrderedBlock
from reduction.engines.native.blocks.ordering import (
    Block,
    BlockOrdering,
    OrderingTask,
    raw_to_order,
    to_merge,
    to_reorder,
)
from reduction.engines.native.blocks.span_cache import SpanCache
from reduction.engines.native.blocks.value_order import EventValues, ValueOrder
from reduction.engines.native.compilation import compile_ordered_passes, compile_raw_passes
from reduction.engines.native.compiled_recipe import CompiledRecipe
from reduction.engines.protocol import MAX_TOF_NS, Recipe
from reduction.host.thread_pool import started_pool
from reduction.instrument.geometry import Instrument


class Kind(enum.Enum):
    """The kinds of tasks. One of each runs at a time: raw events need not wait for a merge.

    A task to ``HELP`` puts raw events in order too, but step by step in the thread that waits for
    the others. If that thread has no time left for it, it becomes the next one to ``ORDER``.
    """

    ORDER = enum.auto()
    MERGE = enum.auto()
    HELP = enum.auto()


IN_SPARE_TIME = Kind.ORDER, Kind.MERGE


class RunningTask(NamedTuple):
    """An ordering task that is begun, and the block that it makes."""

    task: OrderingTask
    made: Future[OrderedBlock]


RESERVED_BLOCKS = 72
"""Blocks of memory that tasks may take for a while, up to twice those that they put in order …"""

RESERVED_SHARE = 8
"""… or one over this of the limit, if that is less."""


def _run_in_spare_time(task: OrderingTask) -> OrderedBlock:
    """Run a task in this thread, at the lowest priority from now on: work for clients is first."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
    return task.run()


class NativeEngine(BlockEngine[Block]):
    """Keeps events in blocks that it puts in order, and counts them with the compiled passes."""

    def __init__(
        self,
        instrument: Instrument,
        recipes: list[Recipe],
        max_tof_ns: int = MAX_TOF_NS,
        block_events: int = BLOCK_EVENTS,
    ) -> None:
        self._instrument, self._max_tof_ns = instrument, max_tof_ns
        self._rows = DetectorRows.of(instrument)
        self._pool = MemoryPool(RAW_EVENT_BYTES * block_events)
        self._ordering = BlockOrdering.of(self._rows, max_tof_ns, self._pool)
        self._orders: list[ValueOrder] = []
        self._spans = SpanCache(np.int32(self._rows.first))
        self._tasks: dict[Kind, RunningTask] = {}
        self._reserved_blocks = RESERVED_BLOCKS
        super().__init__(f"native (numba {numba.__version__})", EventStore(self._pool), recipes)
        self._workers = started_pool(len(IN_SPARE_TIME), "order")
        self._compiled: Future[None] | None = None
        """The compilation of the ordered passes; None until there are events to put in order."""
        compile_raw_passes(max_tof_ns)

    def accumulate(
        self, pixel_id: NDArray[np.int32], tof_ns: NDArray[np.int32], pulse_time_ns: int
    ) -> None:
        super().accumulate(self._rows.kept(pixel_id), tof_ns, pulse_time_ns)

    def _layout(self, recipe: Recipe) -> CompiledRecipe:
        known = (*(each.values for each in self._orders), *self._values)
        values = next((each for each in known if recipe.values_equal(each.recipe)), None)
        tables = self._max_tof_ns, self._rows, values, self._spans
        return CompiledRecipe(self._instrument, recipe, *tables)

    @property
    def blocks(self) -> Sequence[Block]:
        """All retained events, oldest first."""
        return self._store.blocks

    @property
    def _values(self) -> list[EventValues]:
        """The values of all reductions, each once."""
        layouts = (each.layout for each in self._histograms)
        found = [each.values for each in layouts if isinstance(each, CompiledRecipe)]
        return list({id(each): each for each in found}.values())

    def prepare(self, seconds: float) -> bool:
        deadline_s = time.monotonic() + seconds
        while running := self._begin():
            helped = time.monotonic() < deadline_s and self._help()
            left_s = 0 if helped else max(deadline_s - time.monotonic(), 0)
            ended = wait(running, left_s, FIRST_COMPLETED).done
            done = [kind for kind, task in self._tasks.items() if task.made.done()]
            replaced = [self._replace(kind) for kind in done]
            if not helped and not any(replaced) and self._compiled not in ended:
                return False
        return True

    @property
    def unprepared(self) -> int:
        if Kind.ORDER not in self._tasks:
            return 0
        raw = (each for each in self._store.blocks if isinstance(each, EventBlock))
        most_spans = self._ordering.packing.most_spans
        return sum(each.size for each in raw if each.spans <= most_spans)

    def advance(self, seconds: float) -> bool:
        done = super().advance(seconds)
        if self._spans.block is not None and self._spans.block not in self._store.blocks:
            self._spans.clear()
        if self._pool.spare_bytes > FEW_SPARE * self._pool.block_bytes:
            self._pool.trim(self._limit_bytes - self.memory_bytes)
        return done

    def limit(self, memory_bytes: int, *, keep: bool) -> None:
        reserved = min(RESERVED_BLOCKS * self._pool.block_bytes, memory_bytes // RESERVED_SHARE)
        self._reserved_blocks = reserved // self._pool.block_bytes
        super().limit(memory_bytes - reserved, keep=keep)

    @property
    def memory_bytes(self) -> int:
        return super().memory_bytes + self._spans.nbytes

    def clear(self) -> None:
        super().clear()
        self._orders = []
        self._spans.clear()
        self._pool.clear()

    def _begin(self) -> list[Future[Any]]:
        """Start the next task of each kind, if memory has room; all that is running.

        Before the first one, the passes that it needs are compiled.
        """
        if self._compiled is None:
            if not raw_to_order(self._store.blocks, self._ordering.packing.most_spans):
                return []
            self._compiled = self._workers.submit(compile_ordered_passes, self._max_tof_ns)
        if not self._compiled.done():
            return [self._compiled]
        self._compiled.result()
        for kind in IN_SPARE_TIME:
            if kind not in self._tasks and self._histograms and not self._crowded:
                task = self._next_task(kind)
                if task is not None:
                    made = self._workers.submit(_run_in_spare_time, task)
                    self._tasks[kind] = RunningTask(task, made)
        return [each.made for each in self._tasks.values()]

    def _help(self) -> bool:
        """Do a step to put raw events in order here, if others are being put in order.

        Whether there was one to do.
        """
        if Kind.ORDER in self._tasks and Kind.HELP not in self._tasks and not self._crowded:
            task = self._next_task(Kind.HELP)
            if task is not None:
                self._tasks[Kind.HELP] = RunningTask(task, Future())
        helping = self._tasks.get(Kind.HELP)
        if helping is None or helping.made.done():
            return False
        block = helping.task.step()
        if block is not None:
            helping.made.set_result(block)
        return True

    def _next_task(self, kind: Kind) -> OrderingTask | None:
        """What is to be done next, of a kind."""
        blocks, ordering = self._store.blocks, self._ordering
        most_spans = ordering.packing.most_spans
        begun = self._tasks.get(Kind.HELP)
        if kind is Kind.ORDER and begun is not None and not begun.made.done():
            return self._tasks.pop(Kind.HELP).task
        if kind is not Kind.MERGE:
            taken = {id(block) for task, _ in self._tasks.values() for block in task.blocks}
            raw = raw_to_order(blocks, most_spans, taken)
            if not raw or 2 * len(raw) > self._reserved_blocks:
                return None
            orders = self._wanted_orders(raw[0])
            return OrderingTask(raw, ordering.ordered(raw, orders))
        like = next((each for each in blocks if isinstance(each, OrderedBlock)), None)
        if like is None:
            return None
        orders = self._wanted_orders(like)
        block = to_reorder(blocks, orders)
        if block is not None and 2 * block.raw_blocks <= self._reserved_blocks:
            return OrderingTask((block,), ordering.reordered(block, orders))
        small, common = to_merge(blocks, most_spans, self._reserved_blocks // 2)
        if not small:
            return None
        return OrderingTask(small, ordering.merged(small, common))

    def _wanted_orders(self, like: Block) -> tuple[ValueOrder, ...]:
        """The orders of the values of all reductions, made for the events of a block if new."""
        for values in self._values:
            if all(order.values is not values for order in self._orders):
                self._orders.append(self._ordering.order(values, like))
        wanted = {id(values) for values in self._values}
        return tuple(order for order in self._orders if id(order.values) in wanted)

    def _replace(self, kind: Kind) -> bool:
        """Put the block that a task has made in the place of its blocks, if they are still there.

        Whether the task has ended. If the blocks are being counted anew, and not all are counted,
        that must wait.
        """
        task, made = self._tasks[kind]
        blocks = self._store.blocks
        first = next((n for n, block in enumerate(blocks) if block is task.blocks[0]), None)
        if first is None:
            del self._tasks[kind]
            made.result()
            return True
        numbered = list(enumerate(task.blocks, first))
        begun = [each for each in self._counting if each.has_begun(first)]
        if not all(each.has_counted(*block) for each in begun for block in numbered):
            return False
        del self._tasks[kind]
        blocks[first : first + len(task.blocks)] = [made.result()]
        for each in begun:
            for _ in task.blocks[1:]:
                each.join(first + 1)
        return True
