"""Philox4x32-10 for whole arrays of counters."""

import numpy as np

HALF, LOW, ROUNDS = np.uint64(32), np.uint64(0xFFFFFFFF), 10
MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
BUMPS = np.array([0x9E3779B9, 0xBB67AE85], np.uint64)


def words(counters, key):
    """u64[n, 4] below 2**32, for such counters [n, 4] and a key [2]."""
    even, odd, key = counters[:, ::2], counters[:, 1::2], np.array(key, np.uint64)
    for _ in range(ROUNDS):
        products = (even * MULTIPLIERS)[:, ::-1]
        even, odd = (products >> HALF) ^ odd ^ key, products & LOW
        key = (key + BUMPS) & LOW
    return np.stack([even, odd], axis=2).reshape(len(counters), 4)
