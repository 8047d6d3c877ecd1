"""What a device can be doing."""

UNENROLLED = "unenrolled"  # until it is given a code
GREETING = "greeting"  # says what it is, waits for orders
KEYING = "keying"  # asks for the next key
FETCHING = "fetching"  # gets its anchor, piece by piece
TRAINING = "training"
EXCHANGING = "exchanging"
RESTING = "resting"  # until the next round, or a refusing gateway may have changed its mind
FALLING_ASLEEP = "falling-asleep"
ASLEEP = "asleep"  # until it is woken
FAILED = "failed"  # the filesystem does not keep what it must

IDLE = (UNENROLLED, ASLEEP, FAILED)
