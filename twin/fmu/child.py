"""The child process of one FMU instance: reads commands, calls the unit through FMPy, answers.

A command is one letter, a length and its bytes; so is an answer. Numbers travel as little-endian doubles, settings as
JSON; nothing is ever unpickled. Standard output belongs to the unit and goes to standard error.
"""

from __future__ import annotations

import json
import os
import struct
from typing import Any, BinaryIO

HEAD = struct.Struct("<cQ")
WINDOW = struct.Struct("<dd")
STATUS = ("OK", "Warning", "Discard", "Error", "Fatal", "Pending")


def send(stream: BinaryIO, letter: bytes, body: bytes = b"") -> None:
    """Write one message."""
    stream.write(HEAD.pack(letter, len(body)) + body)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[bytes, bytes]:
    """Read one message; EOFError when the other side is gone."""
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        raise EOFError
    letter, size = HEAD.unpack(head)
    return letter, stream.read(size)


class Unit:
    """The loaded unit."""

    def __init__(self, settings: dict[str, Any]):
        from fmpy.fmi2 import FMU2Slave

        self.slave = FMU2Slave(guid=settings["guid"], unzipDirectory=settings["folder"],
                               modelIdentifier=settings["identifier"], instanceName=settings["instance"])
        self.slave.instantiate(visible=False, loggingOn=False)
        self.slave.setupExperiment(startTime=settings["start_s"])
        self.slave.enterInitializationMode()
        if settings["references"]:
            self.slave.setReal(settings["references"], settings["values"])
        self.inputs, self.outputs = settings["inputs"], settings["outputs"]
        self.slave.exitInitializationMode()
        self.slots: dict[int, Any] = {}

    def read(self) -> bytes:
        values = self.slave.getReal(self.outputs) if self.outputs else []
        return struct.pack(f"<{len(values)}d", *values)

    def step(self, body: bytes) -> bytes:
        start_s, length_s = WINDOW.unpack_from(body)
        if self.inputs:
            self.slave.setReal(self.inputs, struct.unpack_from(f"<{len(self.inputs)}d", body, WINDOW.size))
        self.slave.doStep(currentCommunicationPoint=start_s, communicationStepSize=length_s,
                          noSetFMUStatePriorToCurrentPoint=0)
        return self.read()

    def keep(self, slot: int) -> None:
        if slot in self.slots:
            self.slave.freeFMUstate(self.slots.pop(slot))
        self.slots[slot] = self.slave.getFMUstate()

    def restore(self, slot: int) -> None:
        self.slave.setFMUstate(self.slots[slot])

    def dump(self) -> bytes:
        state = self.slave.getFMUstate()
        serialize = getattr(self.slave, "serializeFMUstate", None) or self.slave.serializeFMUState
        try:
            return bytes(serialize(state))
        finally:
            self.slave.freeFMUstate(state)

    def undump(self, body: bytes) -> None:
        state = self.slave.deSerializeFMUstate(body)
        self.slave.setFMUstate(state)
        self.slave.freeFMUstate(state)


def main() -> None:
    """Serve until the parent closes the pipe."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    inward = os.fdopen(os.dup(0), "rb")
    outward = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    unit: Unit | None = None
    while True:
        try:
            letter, body = receive(inward)
        except EOFError:
            return
        try:
            answer = b""
            if letter == b"I":
                unit = Unit(json.loads(body))
                answer = unit.read()
            elif unit is None:
                raise RuntimeError("not loaded")
            elif letter == b"S":
                answer = unit.step(body)
            elif letter == b"G":
                unit.keep(int(body))
            elif letter == b"R":
                unit.restore(int(body))
            elif letter == b"D":
                answer = unit.dump()
            elif letter == b"U":
                unit.undump(body)
            elif letter == b"V":
                answer = unit.read()
            send(outward, b"K", answer)
        except Exception as error:  # whatever the unit or its library did, the parent shall hear it
            status = getattr(error, "status", None)
            text = STATUS[status] if isinstance(status, int) and 0 <= status < len(STATUS) else type(error).__name__
            send(outward, b"E", f"{text}: {error}".encode()[:4000])


if __name__ == "__main__":
    main()
