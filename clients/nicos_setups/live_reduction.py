# Load it with AddSetup when the session is master: the EPICS devices of NICOS do not hear of a
# switch of mode, and stay slaves if they are made before it.

description = "Live reduction of neutron events"

group = "optional"

prefix = "LIVE:"  # the start of the names of the process variables of this beamline

setting = "clients.nicos_device.Setting"
choice = "clients.nicos_device.Choice"
readable = "clients.nicos_device.Reading"

devices = dict(
    live=device(
        "clients.nicos_device.LiveReduction",
        description="Counts to a preset: count(live, pulses=100), or t=, counts=, error=",
        pvprefix=prefix,
        pva=False,
    ),
    live_units=device(
        choice,
        description="Unit of the axis",
        readpv=prefix + "Red1:Units_RBV",
        writepv=prefix + "Red1:Units",
        pva=False,
    ),
    live_bin_step=device(
        setting,
        description="Width of the bins",
        readpv=prefix + "Red1:BinStep_RBV",
        writepv=prefix + "Red1:BinStep",
        precision=1e-9,
        pva=False,
    ),
    live_rate=device(
        readable,
        description="Events received per second",
        readpv=prefix + "EventRate_RBV",
        pva=False,
    ),
    live_total=device(
        readable,
        description="Counts in the spectrum",
        readpv=prefix + "Red1:Spec:Total_RBV",
        pva=False,
    ),
    sim_pressure=device(
        setting,
        description="Pressure of the simulated sample",
        readpv=prefix + "Sim:Pressure_RBV",
        writepv=prefix + "Sim:Pressure",
        precision=1e-3,
        pva=False,
    ),
    sim_temperature=device(
        setting,
        description="Temperature of the simulated sample",
        readpv=prefix + "Sim:Temperature_RBV",
        writepv=prefix + "Sim:Temperature",
        precision=1e-2,
        pva=False,
    ),
)

startupcode = """
SetDetectors(live)
"""
