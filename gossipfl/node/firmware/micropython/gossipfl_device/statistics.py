"""How a device fares, for its application to show."""


class Statistics:
    """strays: frames that answered nothing, or were not made with our key.  loss: of one step."""

    def __init__(self) -> None:
        self.messages_sent = 0
        self.bytes_sent = 0
        self.bytes_received = 0
        self.strays = 0
        self.divergences = 0
        self.steps = 0
        self.loss = 0.0
