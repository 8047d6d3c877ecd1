"""A gateway's devices, for people."""

from typing import Any

from rich.console import Console
from rich.table import Table


def print_devices(answer: dict[str, Any]) -> None:
    """answer: of a gateway's status socket."""
    console = Console()
    table = Table("device", "state", "battery", "link", "last seen", "exchanges", "samples", "key")
    for device in answer["devices"]:
        table.add_row(
            device["name"],
            _state(device),
            "" if device["battery"] is None else f"{device['battery']} %",
            device["link"] or "",
            "" if device["silent_s"] is None else f"{_duration(device['silent_s'])} ago",
            str(device["exchanges"]),
            str(device["samples"]),
            str(device["key"]) if device["enrolled"] else "code not used",
        )
    console.print(table)
    for device in answer["devices"]:
        if device["unfit"]:
            console.print(f"{device['name']}: {device['unfit']}", markup=False)
    console.print(f"wires: {', '.join(answer['wires'])}", markup=False)


def _state(device: dict[str, Any]) -> str:
    state: str = device["state"]
    return f"asleep for {_duration(device['asleep_s'])}" if state == "asleep" else state


def _duration(seconds: float) -> str:
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
