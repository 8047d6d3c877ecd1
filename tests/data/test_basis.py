"""Bases against the definition of the discrete cosine transform."""

import math

import numpy as np
import pytest

from gossipfl.data.basis import parse_basis
from gossipfl.errors import ConfigError


def coefficient(signal, k):
    """The definition: orthonormal DCT-II, one coefficient."""
    n = len(signal)
    scale = math.sqrt((1 if k == 0 else 2) / n)
    return scale * sum(
        x * math.cos(math.pi * k * (2 * i + 1) / (2 * n)) for i, x in enumerate(signal)
    )


def random(rows, columns):
    return np.random.default_rng(0).normal(size=(rows, columns)).astype(np.float32)


def test_identity_copies():
    features = random(3, 4)
    basis = parse_basis("identity")
    found = basis.transform(features)
    np.testing.assert_array_equal(found, features)
    assert not np.shares_memory(found, features)
    assert basis.inputs(4) == 4


def test_dct1_transforms_along_time():
    features = random(2, 7 * 3)
    basis = parse_basis("dct1:7x3:4")
    found = basis.transform(features).reshape(2, 4, 3)
    assert basis.inputs(21) == 12
    for row in range(2):
        for channel in range(3):
            signal = features[row].reshape(7, 3)[:, channel].tolist()
            expected = [coefficient(signal, k) for k in range(4)]
            scaled = np.array(expected) * math.sqrt(4 / 7)
            np.testing.assert_allclose(found[row, :, channel], scaled, atol=1e-5)


def test_dct2_keeps_the_lowest_in_raster_order():
    features = random(2, 3 * 4)
    basis = parse_basis("dct2:3x4:6")
    order = sorted(
        ((u, v) for u in range(3) for v in range(4)), key=lambda f: f[0] ** 2 + f[1] ** 2
    )
    assert order[:6] == [(0, 0), (0, 1), (1, 0), (1, 1), (0, 2), (2, 0)]
    found = basis.transform(features)
    assert found.shape == (2, basis.inputs(12))
    for row in range(2):
        image = features[row].reshape(3, 4).tolist()
        for place, (u, v) in enumerate(order[:6]):
            across = [coefficient(line, v) for line in image]
            assert found[row, place] == pytest.approx(coefficient(across, u), abs=1e-5)


@pytest.mark.parametrize("text", ["dct1:9x2:9", "dct2:5x6:30", "dct1:1x1:1"])
def test_all_frequencies_keep_the_energy(text):
    features = random(4, math.prod(map(int, text.split(":")[1].split("x"))))
    found = parse_basis(text).transform(features)
    np.testing.assert_allclose((found**2).sum(1), (features**2).sum(1), rtol=1e-5)


@pytest.mark.parametrize("text", ["identity", "dct1:4x3:2", "dct2:4x3:5"])
def test_results_are_new_contiguous_float32(text):
    features = random(5, 12)
    features.flags.writeable = False
    found = parse_basis(text).transform(features)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert found.flags.writeable
    assert parse_basis(text).transform(features[:0]).shape == (0, found.shape[1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dct",
        "dct1",
        "dct1:100x6",
        "dct1:100:6:16",
        "dct1:0x6:1",
        "dct1:100x6:0",
        "dct1:100x6:101",
        "dct2:28x28:785",
        "dct3:1x1:1",
        "dct1:1000x1000:5",
        "dct1:9999999x1:1",
        "identity ",
        "dct1:1²x6:1",
    ],
)
def test_bad_strings_are_refused(text):
    with pytest.raises(ConfigError, match="basis"):
        parse_basis(text)


def test_rows_of_another_width_are_refused():
    for text in ("dct1:100x6:16", "dct2:30x20:4"):
        with pytest.raises(ConfigError, match="600 features, but rows have 784"):
            parse_basis(text).inputs(784)


def test_equal_strings_give_equal_bases():
    assert parse_basis("dct2:4x3:5") == parse_basis("dct2:4x3:5")
    assert parse_basis("dct2:4x3:5") != parse_basis("dct2:4x3:6")
