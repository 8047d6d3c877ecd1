"""Microcontrollers behind a gateway: the gateway's half of docs/device-protocol.md, free of I/O.

`node/firmware` is the other half, in C.
"""
