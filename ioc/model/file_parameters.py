"""Settings, commands and readings of the files that results are written to."""

from __future__ import annotations

from dataclasses import dataclass

from reduction.parameters.fields import Settings, parameter, reading
from reduction.parameters.file_names import check_name
from reduction.parameters.specs import Command, Guidance, Refused, Text


@dataclass(frozen=True)
class FileSettings(Settings):
    """Names of files, prefix ``$(P)File:``."""

    path: str = parameter(
        Text(
            pv="Path",
            description="Folder for files, on the IOC's host",
            details="It is created if its parent folder exists.",
            max_length=500,
        ),
        ".",
    )
    name: str = parameter(
        Text(
            pv="Name",
            description="Name of files, without ending",
            details="An earlier file of this name is replaced.",
            max_length=200,
        ),
        "live",
    )

    def check(self) -> None:
        try:
            check_name(self.name)
        except Refused as refused:
            raise Refused("Name", self.name, refused.why) from None


@dataclass(frozen=True)
class FileCommands:
    """Commands to write files, prefix ``$(P)File:``."""

    write: bool = parameter(
        Command(
            pv="Write",
            description="Write the posted result to disk",
            details="NeXus (.nxs) and text (.xye); the put completes when they are on disk.",
            on="Write",
            guidance=Guidance(
                "The last write failed: File:Message_RBV says why. Correct it and write again.",
                delay_s=0,
            ),
        ),
        False,
    )


@dataclass(frozen=True)
class FileStatus:
    """The last file written, prefix ``$(P)File:``."""

    full_name: str = reading(
        Text(pv="FullName_RBV", description="NeXus file written last", max_length=800), ""
    )
    message: str = reading(
        Text(pv="Message_RBV", description="Outcome of the last write", max_length=500), ""
    )
