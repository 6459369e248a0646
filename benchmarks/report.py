"""The page that a full run writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.rows import Row, markdown

README = Path(__file__).with_name("README.md")

HEAD = """\
# Benchmarks

Written by `make bench`, which takes some minutes; do not edit. `make bench ARGS=--quick` is shorter
and writes nothing; `make bench ARGS="--only kernel"` runs one part.

Measured on {machine}.

Times are medians, with the smallest and the largest in parentheses. Contestants take turns in one
run, since a machine's speed changes from minute to minute. A ratio is the peer's median over ours.
"""

SECTIONS = {
    "simulator": """\
## The simulator

A pulse of silicon on the simulated arc, 1.4 million events, in one thread; rates are of CPU time.
Its events follow from seed, pulse and number of the event. The peer draws lines, background, normal
numbers and pixels of the same distribution by numpy's random generator, which is not tied to the
number of an event.
""",
    "kernel": """\
## Raw events to histogram

Ten million raw events (pixel, ns) of simulated silicon become one histogram in one pass. Ours is
one thread, exact in float64, from events that are not sorted; its time includes all tables.
That its counts equal numpy's, bin for bin, is asserted in the run.

- *numpy*: `np.histogram((tof / 1000.0) / difc[pixel], edges)`, or what the unit asks for.
- *numpy, its own even bins*: `np.histogram(..., bins, range)`, quicker, but with other edges.
- *scipp*: a flat table, pixel to DIFC by numpy's indexing, `hist` with the same edges. The table
  and its weights are made beforehand. Threads are as scipp chooses, hence the CPU time.
- *scipp, its own even bins*: the same with edges of `scipp.linspace`, its quickest way.

Even bins of their own differ from Rebin's, which adds up steps, in the last bits of the edges.
Where a peer puts events elsewhere, the number of counts that differ is given.
""",
    "recut": """\
## The event store of a rank

One rank's engine, alone on the machine, one thread for what is measured. Events are taken in as
chunks of 180 000; new bins, slices and masks are applied to all of them. Memory touched for the
first time is slow on a virtual machine, so the smallest rate is that of the first fill. Sorting
puts events in the order of their values and takes in all merges. New bins look up each edge in
a few ordered blocks, and pass over the last four million events; slices and masks are a pass over
all events. Memory is all that the process has, with the blocks that are free between merges.
""",
    "image": """\
## Images and maps

First on the engine of one rank, with its half of a hundred million events, one thread: flat panels
of a million pixels each. A view is made in a thread, once; what each image takes is its sum.

Then the whole product: simulator, two ranks and IOC on this machine, with `Image:Made` Watched and
no client of the image, and with Always. Ranks send the sums of cells, of which there are at most
a million, however many pixels there are. In the last run other windows and views are put, from 1e8
events on, while 1e7 a second arrive; the number is that of the events at its end.
""",
    "mantid": """\
## The mantid engine

Mantid's algorithms beside the native engine, in the same process, taking turns; one thread each.
Measured where `MANTID_PYTHON` names a Python that has Mantid. Stored events are in workspaces, with
the time of their pulse; histogrammed ones went through ConvertUnits and SumSpectra too, were
counted, and joined those before them. Some ms of a chunk do not depend on its size.
*addEventQuickly* is the quickest way that Mantid's Python has for arrays: the method bound for
each spectrum, and one DateAndTime.
The events of small pulses are dropped now and then, so that as many are retained at either end.
""",
    "ranks": """\
## Two ranks at the same time

Two processes at once, one engine's share of the work in each; the slower one's time counts. New
bins on a billion events: each process is an engine with half of them, all work ahead done. The
peer is what numpy can do if it has the values of blocks as large, sorted. Taking in shares the
events between two processes or gives one of them all; how much faster two can be is bounded by
the memory that they share, so a copy of the same bytes, done in the same two ways, stands beside
it. Then the whole back end under mpiexec reads one log of 16 partitions again, with 1 to 16 ranks.
On a machine with fewer cores they are oversubscribed: that shows that their counts are exact, not
how fast they could be.
""",
    "transport": """\
## Events from the source to a rank

One process encodes chunks of 50 000 events and writes them, another one reads them and copies the
events into an array, both at the same time. Ours is the event log on the disk of the temporary
folder; the peer is what was used before there was a log: the encoder of `streaming_data_types` and
a ZeroMQ socket. The hour is that of a quiet source.
""",
    "serving": """\
## Serving many clients

The same work done by this program's server, by stock caproto and by softioc (the C IOC of EPICS
Base with records in Python), one after the other, each alone as a process. Twenty C clients, in two
processes, have a connection each; another one writes a scalar with completion, 50 times a second.
Values carry the time when they were posted; their age is that of arrival in a client's callback.
That callback is machine code (Linux on x86-64): one in Python would wait for its interpreter while
thousands of values come at once, longer than any server takes. Of the spectra's X, Y and E, X does
not change. A server that is too slow for its clients may leave out values, as all three do; but a
client must not starve beside others. Memory is the most resident memory under load less that of the
same server before its clients came. Clients that come and go monitor ten PVs, see a value of each,
and leave; the first ones are not counted. The two ratios are the figures of caproto and of softioc
over ours.
""",
    "puts": """\
## Wild puts

`live-reduction run` in an empty folder; a C client puts to all of its PVs what no program would,
and another run has the same over pvAccess, as far as p4p sends it: all types that Channel Access
has, any bits, NaN and infinities, limits overstepped, several values where there is one, texts of
3000 bytes, and now and then a legal value. Thousands are under way at once. In between all is
quiet, and a setting and its readback are read before and after a put that is refused. At the end
all PVs are read, and every setting is put back to its first value with completion. Some of it does
not go to the IOC: the C library refuses too many values, and puts to what is only read. `Acquire`
waits until it is stopped and is stopped when nothing else happens. Left out are `SYSRESET` and
`Lock:`, which end it for this client; slashes in texts, so that files are written in the empty
folder alone; and legal values far from the first for `Filter:Log`, which is looked for on the
network for seconds, and for the simulator, which makes the events it is told.
""",
    "load": """\
## The whole product under load

`live-reduction run` with 2 ranks and `Sim:EventsPerPulse=357143`: 14 pulses and 5 million events a
second, from the simulator through the event log and MPI to the IOC, all on this machine. A
`camonitor` takes the counts, `Red1:Spec:YC` with 4600 bins, and `Lag_RBV`, of which every update
counts. The age of the counts is apart from that: the client's clock when the next ones come, less
the time of their last pulse. *Others* is what all other processes used: `camonitor`, `mpiexec`,
whatever else ran.
""",
    "rebin": """\
## Other bins for all events so far

In the same run, while events arrive at the same rate: wall time of the C tool `caput -c -S` on
`Red1:BinParams`, from launching it to its end, which is when posted results have the new bins for
every event retained. The settings make 460 to 46 000 bins: even, logarithmic and mixed, in turn.
The first set of rows is from 1e8 events on; the minute of load follows it, then the second set.
Beside it is a put that no rank obeys: half of the time is the tool's. `libca` waits 26 ms before it
searches for its first PV, whatever server there is.
Mantid's live data cannot be run for it: it starts again when its processing is changed.
""",
    "most": """\
## Ten times the rate

The same with 50 million events a second, on two cores for all of it: simulator, two ranks, IOC and
what watches. Events fold into fine histograms once they fill half of the machine's memory.
""",
    "overload": """\
## More events than two cores can take

5.6e7 events a second are asked of the simulator, on the two cores on which the ranks work, too.
What they have no time for waits in the event log, up to 12 GB here. Meanwhile other bins are put by
the C tool `caput -c`, a second after the one before. Then the source has few events, and all that
waits is worked off.
""",
    "result": """\
## A large result

The whole product at a million events a second, with 32 slices, 32 groups and 5000 bins: 41 MB a
result, which ranks sum and rank 0 sends to the IOC. The peer is the same run before, with neither
slices nor groups. The IOC tells the longest delay of its event loop; on a busy machine that is also
what others take from it.
""",
    "kafka": """\
## From a Kafka broker

The same, but the simulator sends its events to a real broker (one node, on loopback), and the ranks
read them there, all on two cores. The broker keeps its last gigabytes in memory, for its disk is
not what is measured. 400 kB messages hold 50 000 events each, and small ones 500, of which 2000
come in a second.

The 60 s begin when the ranks retain what they may and the broker has its last gigabytes. Until then
both use memory for the first time, for which this virtual machine needs 0.4 to 3 s a gigabyte.
""",
    "kills": """\
## Kills

`live-reduction run` with 2 ranks at a million events a second. A random process is killed with
SIGKILL at a random time: a rank, `mpiexec`, the simulator, or the IOC, which is then started again.
Results are current once they have pulses from after the kill and all pulses before it. After every
ten kills the source is held, and the spectrum is compared, bin by bin, with that of the pulses that
the event log holds: the events of a pulse follow from the seed and its number. If the simulator was
killed within a pulse, its events are those in the log. Then comes a reset.

With events in Kafka the same is done to a rank, the broker, which is started again at once, and the
IOC.

For catching up, a log is written beforehand. Two ranks start with a run state that begins with the
log; the time counts from their first order to the first result that has all. Each event is copied
to memory that is touched for the first time, which is slow on a virtual machine.
""",
    "chaos": """\
## Chaos

`live-reduction run` with 2 ranks. In each round, of a few seconds, two or three things happen at
once: a process is stopped (SIGSTOP) and goes on, no file can be written (RLIMIT_FSIZE, as if the
disk were full), a client monitors arrays and does not read, others report to the IOC as ranks and
simulator do, or the time of day of all processes is set by up to an hour and back. All the while a
client puts anything to all settings, and every socket of every process gets junk; often a process
is killed amid it. After each round results become current, and each received event must be
accounted for. At the end the spectrum is compared with that of the pulses in the event log, bin by
bin, and nothing may be left of the run.
""",
    "fuzz": """\
## Bad input

Mutated by atheris, guided by the coverage of `reduction.messages`, `reduction.stream` and
`reduction.control`: bytes are changed, and within MessagePack and messages values are. Each message
goes to a rank of either dialect, among valid pulses; each must be taken or counted, and at every
200th all events must be accounted for. Orders and reports are received over ZeroMQ; some orders are
obeyed by a rank, and some reports are posted. Each must be received, or counted as ignored, once. A
hang is an input that takes a minute. Wild puts have a section of their own.

Files are at the limits of what each reader takes: valid ones, the same with a fault at the very
end, and nonsense of up to 128 MiB. Times are CPU times, of the slowest file of each reader.

For many connections the limit of open files is set for all processes of the run. A connection is
kept if the server has not closed it two seconds after it closed the last one. The stopped clients
monitor spectra, and one of p4p the snapshot.
""",
    "replay": """\
## Recordings

An hour of pulses, 14 a second, is recorded beforehand, as an event log and as NeXus files: one as
the file writer of the ESS writes it, whole numbers of ns without compression, and one as the SNS
does, float32 of µs in gzip. Two ranks read each with `--speed max`; the time counts from their
first order to the first result that has all. `replay --speed max` copies the log to another one.
""",
    "start": """\
## Start

From launching `live-reduction run`, its compiled kernels cached, to a count in
`Red1:Spec:Total_RBV` that a `camonitor` prints, at 5 million events a second. The processor time
is that of IOC, simulator, ranks and page by then; two cores cannot do it in less than half of it.
""",
    "screens": """\
## Operator screens

CS-Studio Phoebus on a screen of its own, drawn by the processor, beside the product at 5 million
events a second, all on this machine. A screen is there when it is drawn and no border on it says
that a value is missing; it opens in a tab of its own. Phoebus redraws plots four times a second.
""",
    "web": """\
## The web page

`live-reduction run` with its web page. Tabs are WebSockets in one process of their own, which
subscribe as the page does: the spectrum, with edges, intensities and errors, and 120 readings.
Results come five times a second. The server reads some of them without tabs, too, since it keeps
the history.

In the browser: Chromium without a window, drawn by the processor, beside the product at 280 000
events a second, all on this machine. Each opening has a fresh profile, so that nothing is cached;
the time counts from asking for the page to the drawn curve. *plotly* draws a curve of as many
steps, made in the browser, five times a second in the same browser.
""",
}


def page(results: Mapping[str, Sequence[Row]]) -> str:
    """The README with the rows of each section."""
    parts = [HEAD.format(machine=machine())]
    parts += [f"{SECTIONS[name]}\n{markdown(rows)}" for name, rows in results.items()]
    return "\n".join(parts)
