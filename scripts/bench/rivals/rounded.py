"""The product's trainer with numbers rounded as int8 will have them."""

from functools import partial

from rivals import gossipfl

make = partial(gossipfl.make, rounded=True)
