"""A Flower ClientApp, unmodified: it gets the messages that a Flower server would send.

Both kinds of app are served: functions registered with @app.train() and @app.evaluate(), and a
client_fn.  https://flower.ai/docs/framework/ref-api/flwr.clientapp.ClientApp.html
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flwr.app import Array as FlowerArray
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, Metadata, RecordDict
from flwr.clientapp import ClientApp

from gossipfl.adapters.arrays import Array, Layout
from gossipfl.adapters.learner import Trained
from gossipfl.adapters.metrics import evaluation, loss_in, rows_in
from gossipfl.adapters.surroundings import NodeContext
from gossipfl.errors import ConfigError, TrainingFailed
from gossipfl.learning.learner import Evaluation

GET_PARAMETERS: Final = "get_parameters"
ENDLESS_S: Final = 1e12  # from 1970 on; messages that never travel do not expire
UNJUDGED: Final = Evaluation(loss=0.0, accuracy=None, error=None, samples=0)


class FlowerModel:
    """One ClientApp and the context that it keeps between messages."""

    def __init__(self, app: object, layout: Layout, context: NodeContext) -> None:
        """Raises ConfigError for anything but a ClientApp."""
        self._app = _client_app(app)
        self._names = layout.names
        self._context = _flower_context(context)
        self._round = 0

    def train(self, arrays: list[Array]) -> Trained:
        """One message of type train, and what the app replied."""
        self._round += 1
        reply = self._ask("train", "fitins", arrays)
        metrics = _metrics(reply)
        returned = _named(_only_arrays(reply), self._names)
        return Trained(arrays=returned, samples=rows_in(metrics), loss=loss_in(metrics))

    def evaluate(self, arrays: list[Array]) -> Evaluation:
        """One message of type evaluate; no samples when the app has no answer to those."""
        if not _answers(self._app, "evaluate"):
            return UNJUDGED
        metrics = _metrics(self._ask("evaluate", "evaluateins", arrays))
        return evaluation(metrics, loss_in(metrics), rows_in(metrics))

    def _ask(self, kind: str, legacy: str, arrays: Sequence[Array]) -> RecordDict:
        pairs = zip(self._names, arrays, strict=True)
        record = ArrayRecord({name: FlowerArray(array) for name, array in pairs})
        prefix, number = ("", "server-round")
        if _is_legacy(self._app):
            prefix, number = (f"{legacy}.", "server_round")
        config = ConfigRecord({**self._context.run_config, number: self._round})
        name = "parameters" if prefix else "arrays"
        content = RecordDict({f"{prefix}{name}": record, f"{prefix}config": config})
        return _reply(self._app, self._context, kind, content)


def initial_arrays(app: object, context: NodeContext) -> dict[str, Any]:
    """What an app with a client_fn starts from.  Raises ConfigError for one without."""
    known = _client_app(app)
    if not _is_legacy(known):
        raise ConfigError(
            "a ClientApp does not say which arrays it trains, its server does: name what makes "
            "them with --arrays package.module:name, such as the torch module's class"
        )
    question = RecordDict({"getparametersins.config": ConfigRecord({})})
    reply = _reply(known, _flower_context(context), GET_PARAMETERS, question)
    return {name: array.numpy() for name, array in _only_arrays(reply).items()}


def _client_app(app: object) -> ClientApp:
    if not isinstance(app, ClientApp):
        raise ConfigError(f"--flower names a {type(app).__name__}, not a flwr ClientApp")
    return app


def _flower_context(context: NodeContext) -> Context:
    return Context(
        run_id=context.run_id,
        node_id=context.node_id,
        node_config=dict(context.node_config),
        state=RecordDict(),
        run_config=dict(context.run_config),
    )


def _is_legacy(app: ClientApp) -> bool:
    """Whether it was made of a client_fn; Flower keeps no public record of that."""
    return app._call is not None


def _answers(app: ClientApp, kind: str) -> bool:
    return _is_legacy(app) or f"{kind}.default" in app._registered_funcs


def _reply(app: ClientApp, context: Context, kind: str, content: RecordDict) -> RecordDict:
    # A message made in the ordinary way asks for the identity of a process that Flower started.
    metadata = Metadata(
        run_id=context.run_id,
        message_id="gossipfl",
        src_node_id=context.node_id,
        dst_node_id=context.node_id,
        reply_to_message_id="",
        group_id="",
        created_at=0.0,
        ttl=ENDLESS_S,
        message_type=kind,
    )
    reply = app(Message(content=content, metadata=metadata), context)
    if reply.has_error():
        raise TrainingFailed(f"the app replied with an error: {reply.error.reason or 'no reason'}")
    return reply.content


def _only_arrays(content: RecordDict) -> ArrayRecord:
    records = list(content.array_records.values())
    if len(records) != 1:
        raise TrainingFailed(f"the app's reply has {len(records)} array records, not 1")
    return records[0]


def _named(record: ArrayRecord, names: Sequence[str]) -> list[object]:
    """In the agreed order: by name, or as they come where a client_fn gave them no names."""
    unnamed = list(record) == [str(place) for place in range(len(names))]
    if not unnamed and set(record) != set(names):
        odd = sorted(set(record) ^ set(names))[:3]
        raise TrainingFailed(f"the app's reply has other arrays than agreed: {', '.join(odd)}")
    return [array.numpy() for array in (record.values() if unnamed else map(record.get, names))]


def _metrics(content: RecordDict) -> Mapping[str, Any]:
    """All of them, those of a client_fn last."""
    found: dict[str, Any] = {}
    for records in (content.metric_records, content.config_records):
        for record in records.values():
            found |= dict(record)
    return found
