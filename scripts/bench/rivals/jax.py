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


def transformer(
    shape: tuple[int, ...], classes: int, width: int, heads: int, hidden: int
) -> tuple[Parameters, Apply]:
    parameters = uniform(e=(shape[1], width), f=(width,), at=(*shape[:1], width))
    parameters |= uniform(qkv=(width, 3 * width), o=(width, width), b=(width,))
    parameters |= uniform(w=(width, hidden), c=(hidden,), u=(hidden, width), d=(width,))
    parameters |= uniform(g=(2, width), h=(2, width), v=(width, classes), z=(classes,))

    def normal(p: Parameters, which: int, x: jax.Array) -> jax.Array:
        x = x - x.mean(-1, keepdims=True)
        x *= jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5)
        return x * p["g"][which] + p["h"][which]

    def attend(qkv: jax.Array) -> jax.Array:
        parts = qkv.reshape(*qkv.shape[:2], 3, heads, width // heads)
        q, k, v = (parts[:, :, part] for part in range(3))
        scores = jnp.einsum("bthk,bshk->bhts", q, k) * (width // heads) ** -0.5
        found = jnp.einsum("bhts,bshk->bthk", jax.nn.softmax(scores), v)
        return found.reshape(*qkv.shape[:2], width)

    def apply(p: Parameters, x: jax.Array) -> jax.Array:
        x = x @ p["e"] + p["f"] + p["at"]
        x += attend(normal(p, 0, x) @ p["qkv"]) @ p["o"] + p["b"]
        x += jax.nn.relu(normal(p, 1, x) @ p["w"] + p["c"]) @ p["u"] + p["d"]
        return x.mean(1) @ p["v"] + p["z"]

    return parameters, apply


FAMILIES = {
    "perceptron": perceptron,
    "gru": gru,
    "fastgrnn": fastgrnn,
    "convolutional": convolutional,
    "transformer": transformer,
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
