"""Softmax regression and perceptrons with ReLUs: their shape, and what they make of a sample.

A model is one flat vector: of each layer the weights [units][inputs], then the biases.
"""

from gossipfl_device.numbers import Vector


class Model:
    """widths: of the inputs and every layer, the last of which are the classes.

    parameters: numbers of the vector.  units: of all layers.  stops: where each tensor ends.
    Raises ValueError for widths that make no sense.
    """

    def __init__(self, widths: tuple[int, ...]) -> None:
        if len(widths) < 2 or min(widths) < 1 or widths[-1] < 2:
            raise ValueError("a model has inputs, and at least two classes")
        self.widths = widths
        self.units = sum(widths[1:])
        self.stops: list[int] = []
        stop = 0
        for width, count in zip(widths, widths[1:]):
            self.stops += [stop + width * count, stop + (width + 1) * count]
            stop = self.stops[-1]
        self.parameters = stop

    def forward(self, x: Vector[float], features: Vector[float], units: Vector[float]) -> None:
        """All layers of one sample; the logits are the last of the units."""
        inputs, start, place, last = features, 0, 0, len(self.widths) - 2
        for layer in range(last + 1):
            width, count = self.widths[layer], self.widths[layer + 1]
            base = 0 if layer == 0 else start - width
            biases = place + width * count
            for unit in range(count):
                total = x[biases + unit]
                for i in range(width):
                    total += x[place + i] * inputs[base + i]
                units[start + unit] = 0.0 if layer < last and total < 0 else total
                place += width
            place += count
            start += count
            inputs = units
