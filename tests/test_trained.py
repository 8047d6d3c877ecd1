"""Model files: what comes back is what went in, and nothing else is believed."""

import attrs
import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.data.pipeline import transform
from gossipfl.data.schema import Schema
from gossipfl.data.statistics import Scale
from gossipfl.errors import ConfigError, StateError
from gossipfl.learning.training import predict
from gossipfl.manifest import Manifest
from gossipfl.models.personalisation import Personalisation
from gossipfl.models.sequential import perceptron
from gossipfl.trained import CHECKSUM_BYTES, IntegerModel, TrainedModel, _checksum, decode_trained

MARK = TrainedModel.MARK
SCHEMA = Schema(columns=("a", "b", "c", "d"), target="y", classes=("glad", "sad"))
MANIFEST = Manifest(
    cluster="home",
    schema=SCHEMA,
    layers=perceptron((3,)),
    basis="dct1:2x2:1",
    standardise="channel:2",
)
SCALE = Scale(mean=np.array([1, 2], "f4"), inverse_deviation=np.array([0.5, 2], "f4"))
MODEL = TrainedModel(MANIFEST, MANIFEST.initial(), SCALE)
PLAIN = Manifest(cluster="home", schema=SCHEMA, standardise="none")


def resealed(*fields: object) -> bytes:
    body = msgpack.packb(fields)
    return MARK + _checksum(body) + body


def test_the_trip_to_a_file_and_back():
    found = decode_trained(MODEL.encode())
    assert found.manifest == MANIFEST
    assert found.scale is not None
    np.testing.assert_array_equal(found.parameters, MODEL.parameters)
    np.testing.assert_array_equal(found.scale.mean, SCALE.mean)
    np.testing.assert_array_equal(found.scale.inverse_deviation, SCALE.inverse_deviation)
    plain = TrainedModel(PLAIN, PLAIN.initial(), None)
    assert decode_trained(plain.encode()).scale is None


def test_a_model_file_holds_private_layers_too():
    manifest = attrs.evolve(MANIFEST, personal=Personalisation(private=("head",)))
    model = TrainedModel(manifest, manifest.initial_model(), SCALE)
    np.testing.assert_array_equal(decode_trained(model.encode()).parameters, model.parameters)
    with pytest.raises(StateError, match="parameters do not suit"):
        TrainedModel(manifest, manifest.initial(), SCALE)


def test_outputs_are_those_of_a_node():
    features = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    inputs = transform(MANIFEST.input_basis(), features, SCALE)
    expected = predict(MANIFEST.model(), MODEL.parameters, inputs)
    np.testing.assert_array_equal(MODEL.outputs(features), expected)


@pytest.mark.parametrize(
    ("manifest", "parameters", "scale", "said"),
    [
        (MANIFEST, MANIFEST.initial()[1:], SCALE, "parameters do not suit"),
        (MANIFEST, MANIFEST.initial().astype("f8"), SCALE, "parameters do not suit"),
        (MANIFEST, MANIFEST.initial() * np.float32(np.nan), SCALE, "not finite"),
        (MANIFEST, MANIFEST.initial(), None, "statistics do not suit"),
        (PLAIN, PLAIN.initial(), SCALE, "statistics do not suit"),
        (
            MANIFEST,
            MANIFEST.initial(),
            Scale(mean=SCALE.mean[:1], inverse_deviation=SCALE.mean),
            "means do not suit",
        ),
        (
            MANIFEST,
            MANIFEST.initial(),
            Scale(mean=SCALE.mean, inverse_deviation=SCALE.mean * np.float32(np.inf)),
            "deviations are not finite",
        ),
    ],
)
def test_parts_that_do_not_belong_together(manifest, parameters, scale, said):
    with pytest.raises(StateError, match=said):
        TrainedModel(manifest, parameters, scale)


@given(st.integers(0, len(MODEL.encode()) - 1), st.integers(1, 255))
def test_any_changed_byte_is_noticed(place, change):
    content = bytearray(MODEL.encode())
    content[place] ^= change
    with pytest.raises(StateError):
        decode_trained(bytes(content))


@given(st.binary(max_size=200))
def test_junk_is_refused(content):
    with pytest.raises(StateError):
        decode_trained(content)
    with pytest.raises(StateError):
        decode_trained(MARK + _checksum(content) + content)


@pytest.mark.parametrize("cut", [0, len(MARK), len(MARK) + CHECKSUM_BYTES, -1])
def test_a_file_cut_short_is_refused(cut):
    with pytest.raises(StateError):
        decode_trained(MODEL.encode()[:cut])


VECTOR = MODEL.parameters.tobytes()


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (MANIFEST.body, VECTOR),
        (7, VECTOR, None),
        (b"", VECTOR, None),
        (MANIFEST.body, 7, None),
        (MANIFEST.body, VECTOR[:-1], None),
        (MANIFEST.body, VECTOR[:-4], [SCALE.mean.tobytes()] * 2),
        (MANIFEST.body, VECTOR, None),
        (MANIFEST.body, VECTOR, 7),
        (MANIFEST.body, VECTOR, [7, 7]),
        (MANIFEST.body, VECTOR, [SCALE.mean.tobytes()]),
        (MANIFEST.body, VECTOR, [SCALE.mean.tobytes()] * 3),
        (PLAIN.body, VECTOR, None),
    ],
)
def test_a_right_checksum_alone_proves_nothing(fields):
    with pytest.raises(StateError):
        decode_trained(resealed(*fields))


ROUNDED = attrs.evolve(MANIFEST, quantise="int8")
INTEGERS = TrainedModel(ROUNDED, ROUNDED.initial_model(), SCALE).integers()


def test_integers_go_to_a_file_and_back():
    found = decode_trained(INTEGERS.encode())
    assert isinstance(found, IntegerModel)
    assert found.integers() is found
    assert found.size == INTEGERS.size < MODEL.size
    features = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_array_equal(found.outputs(features), INTEGERS.outputs(features))


def test_models_of_floats_have_no_integers():
    with pytest.raises(ConfigError, match='trained with quantise = "int8"'):
        MODEL.integers()


@given(st.integers(0, len(INTEGERS.encode()) - 1), st.integers(1, 255))
def test_any_changed_byte_of_integers_is_noticed(place, change):
    content = bytearray(INTEGERS.encode())
    content[place] ^= change
    with pytest.raises(StateError):
        decode_trained(bytes(content))


@pytest.mark.parametrize(
    ("manifest", "learnt"),
    [
        (ROUNDED, INTEGERS.network.encode()[:-1]),
        (ROUNDED, 7),
        (MANIFEST, INTEGERS.network.encode()),
        (ROUNDED, bytes(INTEGERS.size)),
    ],
)
def test_sealed_integers_that_do_not_suit_are_refused(manifest, learnt):
    vectors = [SCALE.mean.tobytes(), SCALE.inverse_deviation.tobytes()]
    body = msgpack.packb([manifest.body, learnt, vectors])
    with pytest.raises(StateError):
        decode_trained(IntegerModel.MARK + _checksum(body) + body)
