"""A device as a process, under MicroPython's Unix port: for trying gateways without a board.

    micropython process.py HOST PORT FOLDER INPUTS CLASSES [CODE]

FOLDER has the samples in its file `rows` (gossipfl_device/rows.py); the state goes there too.
"""

import gc
import socket
import sys
import time

gc.threshold(4096)  # else compiling leaves the heap in pieces too small for a model
from gossipfl_device.agent import Agent
from gossipfl_device.port import UdpPort
from gossipfl_device.rows import RowFile

gc.threshold(-1)


def connect(host, port):
    """A socket as UdpPort takes it."""
    wire = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    wire.connect(socket.getaddrinfo(host, port)[0][-1])
    wire.setblocking(False)
    return wire


def main(host, port, folder, inputs, classes, code=""):
    """Take part by the gateway at host:port until killed; state and samples lie in `folder`."""
    rows = RowFile(f"{folder}/rows", int(inputs), int(classes))
    agent = Agent(UdpPort(connect(host, int(port)), f"{folder}/state"), rows)
    if not agent.enrolled:
        agent.enrol(code)
    told = agent.exchanges
    while True:
        due_ms = agent.poll()
        if due_ms is None:
            sys.exit(f"the device is {agent.phase}")
        if agent.exchanges != told:
            told, seen = agent.exchanges, agent.statistics
            print(f"exchange {told}, loss {seen.loss:.4f}, {seen.bytes_sent} bytes sent")
        time.sleep_ms(min(due_ms, 5))


main(*sys.argv[1:])
