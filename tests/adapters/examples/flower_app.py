"""A Flower ClientApp as Flower's own quickstart writes it; nothing in it knows of gossipfl."""

import torch
from clouds import partition
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from task import Net
from task import test as test_fn
from task import train as train_fn

app = ClientApp()


def load(context: Context) -> tuple[torch.Tensor, ...]:
    number, count = context.node_config["partition-id"], context.node_config["num-partitions"]
    return tuple(torch.from_numpy(array) for array in partition(number, count))


@app.train()
def train(msg: Message, context: Context) -> Message:
    """Train the model on local data."""
    model = Net()
    model.load_state_dict(msg.content["arrays"].to_torch_state_dict())
    features, targets, _, _ = load(context)
    loss = train_fn(model, features, targets, msg.content["config"]["lr"])
    metrics = MetricRecord({"train_loss": loss, "num-examples": len(targets)})
    content = RecordDict({"arrays": ArrayRecord(model.state_dict()), "metrics": metrics})
    return Message(content=content, reply_to=msg)


@app.evaluate()
def evaluate(msg: Message, context: Context) -> Message:
    """Evaluate the model on local data."""
    model = Net()
    model.load_state_dict(msg.content["arrays"].to_torch_state_dict())
    _, _, features, targets = load(context)
    loss, accuracy = test_fn(model, features, targets)
    metrics = MetricRecord({"eval_loss": loss, "eval_acc": accuracy, "num-examples": len(targets)})
    return Message(content=RecordDict({"metrics": metrics}), reply_to=msg)
