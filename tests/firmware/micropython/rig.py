"""Runs under MicroPython: does what lines on standard input ask, and says what came of it.

A line is a list in JSON: the name of a function below and its arguments; bytes are in hexadecimal.
    micropython rig.py PACKAGE-FOLDER
"""

import json
import os
import sys
from array import array
from binascii import unhexlify

sys.path.insert(0, sys.argv[1])

from gossipfl_device import (
    aead,
    blake2b,
    codec,
    frame,
    framing,
    keys,
    messages,
    numbers,
    rows,
    scales,
    selection,
    step,
    store,
)
from gossipfl_device.agent import Agent
from gossipfl_device.model import Model
from gossipfl_device.port import Port, SerialPort
from gossipfl_device.room import Room


class PowerCut(Exception):
    """Nothing runs any more."""


class Plug:
    """Pulled once so many more bytes are written.

    A rename counts as two, as on FAT, where the old file goes first.
    """

    left = None
    full = False

    def spend(self, count):
        """How many of them are still written."""
        if self.full:
            raise OSError(28)
        if self.left is None:
            return count
        spent = min(count, self.left)
        self.left -= spent
        return spent


plug = Plug()


class CutFile:
    """A file of a machine that may be unplugged."""

    def __init__(self, path, mode):
        self.file = open(path, mode)  # noqa: SIM115
        self.read, self.seek = self.file.read, self.file.seek

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def flush(self):
        """Whatever is written stays: to sync it would only take time."""

    def write(self, content):
        whole = bytes(content)
        spent = plug.spend(len(whole))
        self.file.write(whole[:spent])
        if spent < len(whole):
            raise PowerCut


class CutOs:
    """What of `os` the store uses."""

    mkdir = os.mkdir

    @staticmethod
    def rename(old, new):
        if not plug.spend(1):
            raise PowerCut
        try:
            os.remove(new)
        except OSError:
            pass
        if not plug.spend(1):
            raise PowerCut
        os.rename(old, new)


store.open = CutFile
store.os = CutOs


class RigPort(Port):
    """A wire and a clock that the test moves; chance is a counter."""

    def __init__(self, directory, drawn):
        super().__init__(directory)
        self.drawn, self.now_ms = drawn, 0
        self.sent, self.coming = b"", b""

    def send(self, content):
        self.sent += content

    def receive(self):
        content, self.coming = self.coming[:100], self.coming[100:]
        return content

    def clock_ms(self):
        return self.now_ms

    def random(self, count):
        self.drawn += 1
        word = (self.drawn * 2654435761 & 0xFFFFFFFF).to_bytes(4, "little")
        return (word * (count // 4 + 1))[:count]


class Bench:
    """The agent under test."""

    agent = None
    port = None
    made = None
    dead = False


def start(directory, path, inputs, classes, room, journal_max, chance):
    Bench.made = directory, path, inputs, classes, room
    store.JOURNAL_MAX = journal_max
    Bench.port = RigPort(directory, chance)
    reset()


def reset():
    """What was in memory is gone."""
    directory, path, inputs, classes, room = Bench.made
    plug.left, plug.full, Bench.dead = None, False, False
    Bench.port = RigPort(directory, Bench.port.drawn)
    Bench.agent = Agent(Bench.port, rows.RowFile(path, inputs, classes), Room(**room))


def cut_after(count):
    plug.left = count


def fill():
    """The filesystem takes nothing more."""
    plug.full = True


def enrol(code):
    try:
        Bench.agent.enrol(code)
    except ValueError:
        return False
    except PowerCut:
        Bench.dead = True
    return True


def poll(gone_ms, coming):
    port = Bench.port
    port.now_ms += gone_ms
    port.coming += unhexlify(coming)
    port.sent = b""
    due = None
    if not Bench.dead:
        try:
            due = Bench.agent.poll()
        except PowerCut:
            Bench.dead, port.sent = True, b""
    return due, port.sent.hex()


def sleep(seconds):
    Bench.agent.sleep(seconds)


def wake():
    Bench.agent.wake()


def look():
    agent, state = Bench.agent, Bench.agent._state
    link = state.link if state.ordered else None
    return {
        "phase": agent.phase,
        "epoch": state.identity.epoch if state.enrolled else 0,
        "sequence": link.sequence if link else 0,
        "exchanges": state.exchanges,
        "fetched": state.fetched,
        "strays": agent.statistics.strays,
        "steps": agent.statistics.steps,
        "refusal": agent.refusal,
        "open": bool(link and link.pending),
        "digest": link.digest.hex() if link else "",
        "dead": Bench.dead,
    }


def vector(name):
    link = Bench.agent._state.link
    return bytes({"R": link.anchor, "x": link.x, "e": link.residual}[name]).hex()


def classify(features):
    return Bench.agent.classify(array("f", unhexlify(features)))


def loss():
    return Bench.agent.statistics.loss


def seal(key, nonce, head, text):
    return aead.seal(*map(unhexlify, (key, nonce, head, text))).hex()


def open_sealed(key, nonce, head, sealed):
    text = aead.open_sealed(*map(unhexlify, (key, nonce, head, sealed)))
    return None if text is None else text.hex()


def digest(length, parts, key):
    return blake2b.blake2b(length, map(unhexlify, parts), unhexlify(key)).hex()


def identities(code, device, gateway):
    first = keys.first_identity(code)
    following = first.next(unhexlify(device), unhexlify(gateway))
    return [first.encode().hex(), following.encode().hex()]


def seal_frame(code, counter, message):
    return frame.seal_frame(keys.first_identity(code), counter, unhexlify(message)).hex()


def open_frame(code, counter, content):
    message = frame.open_frame(keys.first_identity(code), counter, unhexlify(content))
    return None if message is None else message.hex()


def enframe(content):
    return framing.enframe(unhexlify(content)).hex()


def deframe(frame_max, pieces):
    deframer = framing.Deframer(frame_max)
    return [found.hex() for piece in pieces for found in deframer.feed(unhexlify(piece))]


def encode(stops, bits, residual, keep):
    found = selection.select(array("f", unhexlify(residual)), keep)
    return None if found is None else codec.encode(stops, bits, *found).hex()


def decode(stops, payload, entries_max):
    try:
        indices, values = codec.decode(stops, unhexlify(payload), entries_max)
    except ValueError:
        return None
    return indices, bytes(values).hex()


def scale_bytes():
    return bytes(array("f", [scales.scale(code) for code in range(256)])).hex()


def scale_codes(values):
    return [scales.scale_code(scales.whole(value), 1) for value in array("f", unhexlify(values))]


def read_orders(message, room):
    try:
        orders = messages.Orders(unhexlify(message), Room(**room))
    except ValueError:
        return None
    return [orders.model.widths, orders.batch, orders.steps, orders.keep, orders.seed.hex()]


def train(widths, path, places, x, rate):
    held = rows.RowFile(path, widths[0], widths[-1])
    x = array("f", unhexlify(x))
    trainer = step.Trainer(Model(tuple(widths)), len(places))
    loss = trainer.step(x, held, places, rate)
    return bytes(x).hex(), loss


class Stream:
    """A serial line that takes and gives a few bytes at a time."""

    def __init__(self, most):
        self.most, self.held = most, b""

    def any(self):
        return len(self.held)

    def read(self, count):
        content, self.held = self.held[:count], self.held[count:]
        return content or None

    def write(self, content):
        taken = bytes(content)[: self.most]
        self.held += taken
        return len(taken) or None


def over_a_stream(content, most):
    """What comes out of a SerialPort's stream that one has sent into."""
    port = SerialPort(Stream(most), "")
    port.send(bytearray(unhexlify(content)))
    parts = []
    while True:
        part = port.receive()
        if not part:
            return [each.hex() for each in parts]
        parts.append(part)


def fault_of_rows(path, inputs, classes):
    """What is said of a file of rows, the last of which is read."""
    try:
        held = rows.RowFile(path, inputs, classes)
        held.read(held.count - 1, numbers.zeros(inputs))
    except ValueError as error:
        return str(error)


def arithmetic():
    numbers.check_arithmetic()
    return str(1 / 3)


def main():
    functions = globals()
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        name, *arguments = json.loads(line)
        print(json.dumps(functions[name](*arguments)))


main()
