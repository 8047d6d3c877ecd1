"""Remembering changes nothing but the time it takes."""

import numpy as np
import pytest

from gossipfl.compression import SparseCodec
from gossipfl.errors import RemoteProtocolError
from gossipfl.simulation.remembering import REMEMBERED_MAX, RememberingCodec


def test_it_decodes_as_the_codec_inside():
    plain = SparseCodec(50, ((0, 50),), keep_ratio=0.1)
    codec, rng, payloads = RememberingCodec(plain), np.random.default_rng(0), []
    for _ in range(REMEMBERED_MAX + 20):
        payload = codec.encode(rng.normal(size=50).astype("f4"))
        assert codec.decode(payload) is codec.decode(payload)
        payloads.append(payload)
    for payload in payloads:
        assert codec.decode(payload) == plain.decode(payload)
    assert (codec.size, codec.payload_max) == (50, plain.payload_max)


def test_illegal_payloads_stay_illegal():
    codec = RememberingCodec(SparseCodec(50, ((0, 50),)))
    for _ in range(2):
        with pytest.raises(RemoteProtocolError):
            codec.decode(b"\xff\xff\xff")
