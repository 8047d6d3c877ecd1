"""JAX, one thread,: everything compiled, a call a step or a call for many, whichever is faster."""

import time
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from models import BATCH, Model

from rivals.task import MOMENTUM, RATE, ROWS, Run, batches, rows

Parameters = dict[str, jax.Array]
Apply = Callable[[Parameters, jax.Array], jax.Array]


def uniform(**shapes: tuple[int, ...]) -> Parameters:
    """Small random parameters."""
    rng = np.random.default_rng(0)
    return {
        name: jnp.asarray(rng.uniform(-0.1, 0.1, shape), jnp.float32)
        for name, shape in shapes.items()
    }


def perceptron(shape: tuple[int, ...], classes: int, hidden: int) -> tuple[Parameters, Apply]:
    parameters = uniform(v=(hidden or shape[0], classes), c=(classes,))
    if hidden:
        parameters |= uniform(w=(shape[0], hidden), b=(hidden,))

    def apply(p: Parameters, x: jax.Array) -> jax.Array:
        y = jax.nn.relu(x @ p["w"] + p["b"]) if hidden else x
        return y @ p["v"] + p["c"]

    return parameters, apply


def gru(shape: tuple[int, ...], classes: int, hidden: int) -> tuple[Parameters, Apply]:
    wide = 3 * hidden
    parameters = uniform(w=(shape[1], wide), b=(wide,), u=(hidden, wide), c=(wide,))
    parameters |= uniform(v=(hidden, classes), d=(classes,))

    def apply(p: Parameters, x: jax.Array) -> jax.Array:
        def step(h: jax.Array, into: jax.Array) -> tuple[jax.Array, None]:
            xr, xz, xn = jnp.split(into, 3, axis=-1)
            hr, hz, hn = jnp.split(h @ p["u"] + p["c"], 3, axis=-1)
            z = jax.nn.sigmoid(xz + hz)
            n = jnp.tanh(xn + jax.nn.sigmoid(xr + hr) * hn)
            return n + z * (h - n), None

        return _last_state(step, x @ p["w"] + p["b"], hidden) @ p["v"] + p["d"]

    return parameters, apply


def fastgrnn(shape: tuple[int, ...], classes: int, hidden: int) -> tuple[Parameters, Apply]:
    parameters = uniform(w=(shape[1], hidden), u=(hidden, hidden), b=(2, hidden), s=(2,))
    parameters |= uniform(v=(hidden, classes), d=(classes,))

    def apply(p: Parameters, x: jax.Array) -> jax.Array:
        zeta, nu = jax.nn.sigmoid(p["s"])

        def step(h: jax.Array, into: jax.Array) -> tuple[jax.Array, None]:
            both = into + h @ p["u"]
            z, c = jax.nn.sigmoid(both + p["b"][0]), jnp.tanh(both + p["b"][1])
            return (zeta * (1 - z) + nu) * c + z * h, None

        return _last_state(step, x @ p["w"], hidden) @ p["v"] + p["d"]

    return parameters, apply


def convolutional(
    shape: tuple[int, ...], classes: int, kernel: int, first: int, second: int
) -> tuple[Parameters, Apply]:
    height, width, channels = shape
    parameters = uniform(
        w=(kernel, kernel, channels, first),
        b=(first,),
        u=(kernel, kernel, first, second),
        c=(second,),
        v=(height // 4 * (width // 4) * second, classes),
        d=(classes,),
    )

    def halve(x: jax.Array) -> jax.Array:
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def convolve(x: jax.Array, w: jax.Array, b: jax.Array) -> jax.Array:
        layout = ("NHWC", "HWIO", "NHWC")
        y = jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=layout)
        return jax.nn.relu(halve(y + b))

    def apply(p: Parameters, x: jax.Array) -> jax.Array:
        y = convolve(convolve(x, p["w"], p["b"]), p["u"], p["c"])
        return y.reshape(len(x), -1) @ p["v"] + p["d"]

    return parameters, apply


def _last_state(step, into: jax.Array, hidden: int) -> jax.Array:
    start = jnp.zeros((into.shape[0], hidden), into.dtype)
    return jax.lax.scan(step, start, into.swapaxes(0, 1))[0]


FAMILIES = {
    "perceptron": perceptron,
    "gru": gru,
    "fastgrnn": fastgrnn,
    "convolutional": convolutional,
}


def make(model: Model) -> Run:
    """Gather, gradient and update in one compiled function whose state is donated."""
    features, classes = map(jnp.asarray, rows(model))
    data = features.reshape(ROWS, *model.shape), classes
    parameters, apply = FAMILIES[model.family](model.shape, model.classes, **model.sizes)

    def loss(p: Parameters, x: jax.Array, y: jax.Array) -> jax.Array:
        likelihoods = jax.nn.log_softmax(apply(p, x))
        return -jnp.take_along_axis(likelihoods, y[:, None], 1).mean()

    def step(state, batch: jax.Array, data):
        p, velocity = state
        slope = jax.grad(loss)(p, *(part[batch] for part in data))
        velocity = jax.tree.map(lambda v, g: MOMENTUM * v + g, velocity, slope)
        return jax.tree.map(lambda x, v: x - RATE * v, p, velocity), velocity

    state = parameters, jax.tree.map(jnp.zeros_like, parameters)
    return _faster(step, state, data, model.grain)


def _faster(step, state, data, grain: int) -> Run:
    """Of a call a step and a call for `grain` steps, of which all turns have a multiple."""

    @partial(jax.jit, donate_argnums=0)
    def turn(state, all_, data):
        return jax.lax.scan(lambda s, batch: (step(s, batch, data), None), state, all_)[0]

    def together(steps: int) -> None:
        nonlocal state
        for some in np.stack(list(batches(steps))).reshape(-1, grain, BATCH):
            state = turn(state, some, data)
        jax.block_until_ready(state)

    once = jax.jit(step, donate_argnums=0)

    def one_by_one(steps: int) -> None:
        nonlocal state
        for batch in batches(steps):
            state = once(state, batch, data)
        jax.block_until_ready(state)

    return min((one_by_one, together), key=lambda run: _cost(run, grain))


def _cost(run: Run, steps: int) -> float:
    """Least CPU seconds of three runs after one that compiles."""
    run(steps)
    found = []
    for _ in range(3):
        start = time.process_time()
        run(steps)
        found.append(time.process_time() - start)
    return min(found)
