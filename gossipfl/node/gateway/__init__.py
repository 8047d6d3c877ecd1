"""Microcontrollers behind this process: a node of the mesh for each, and the wires they come by."""
