"""Settings, commands and readings of the files that results are written to."""

from __future__ import annotations

from dataclasses import dataclass

from reduction.host.file_system.allowed_folders import AllowedFolders, FolderNotAllowed
from reduction.parameters.fields import Settings, default_of, parameter, reading
from reduction.parameters.file_names import FileNaming
from reduction.parameters.specs import Command, Guidance, Integer, Refused, Switch, Text


@dataclass(frozen=True)
class FileSettings(Settings):
    """Names of files, prefix ``$(P)File:``."""

    path: str = parameter(
        Text(
            pv="Path",
            description="Folder for files, on the IOC's host",
            details="It is created if its parent folder exists. The start says in which folders it"
            " may be (--files), and a relative path is one in the first of them.",
            max_length=500,
            holds_path=True,
        ),
        "results",
    )
    name: str = parameter(
        Text(
            pv="Name",
            description="Name of files, without ending",
            details="A file that is there is never replaced: see AutoIncrement.",
            max_length=200,
        ),
        "live",
    )
    template: str = parameter(
        Text(
            pv="Template",
            description="File name of Name (%s) and Number (%d)",
            details="As areaDetector's FileTemplate, without folder and ending: %s_%4.4d makes"
            " live_0001. Without %d names have no number, as long as they are not taken.",
            max_length=100,
        ),
        "%s",
    )
    number: int = parameter(
        Integer(
            pv="Number",
            description="Number of the next files",
            details="Of use with %d in Template. With AutoIncrement it counts up by each write.",
            minimum=0,
        ),
        1,
    )
    auto_increment: bool = parameter(
        Switch(
            pv="AutoIncrement",
            description="Number files whose name is taken",
            details="Yes: the next free number is taken; without %d in Template these are live,"
            " live_2, live_3 and so on. No: a write is refused if the name is taken.",
            off="No",
            on="Yes",
        ),
        True,
    )

    mantid: bool = parameter(
        Switch(
            pv="Mantid",
            description="Also write a file that Mantid loads",
            details="NAME_mantid.nxs, for LoadNexusProcessed: counts, a workspace for each slice.",
            off="No",
            on="Yes",
        ),
        True,
    )

    def check(self) -> None:
        try:
            self.naming.check()
        except Refused as refused:
            raise Refused(refused.name.removeprefix("File:"), refused.value, refused.why) from None

    def check_folder(self, allowed: AllowedFolders) -> None:
        """Raise `Refused` if the folder is outside of those that are allowed, by its text."""
        if self.path == default_of(FileSettings, "path"):
            return  # it is inside if there is any; else a write says that there is none
        try:
            allowed.check(self.path)
        except FolderNotAllowed as error:
            raise Refused(
                "Path", self.path, f"{error}; --files, at the start, allows others"
            ) from None

    @property
    def naming(self) -> FileNaming:
        """How files are named."""
        return FileNaming(self.name, self.template, self.number, self.auto_increment)


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
