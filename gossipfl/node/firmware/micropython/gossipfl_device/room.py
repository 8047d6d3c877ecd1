"""What a board has room for: the gateway orders nothing beyond it."""

MESSAGE_MIN = 128
MESSAGE_MAX = 2000


class Room:
    """parameters: of the largest model; of one with widths a, b, c, (a + 1) b + (b + 1) c.
    layers: 1 is softmax regression, 2 a perceptron with one hidden layer.
    units: of all layers together.  batch: samples in one training step.  entries: of one delta.
    message: bytes before they are sealed, 128 to 2000.
    """

    def __init__(
        self,
        parameters: int = 2410,
        layers: int = 2,
        units: int = 42,
        batch: int = 16,
        entries: int = 96,
        message: int = 320,
    ) -> None:
        if not MESSAGE_MIN <= message <= MESSAGE_MAX:
            raise ValueError("a message has room for 128 to 2000 bytes")
        self.parameters = parameters
        self.layers = layers
        self.units = units
        self.batch = batch
        self.entries = entries
        self.message = message
