"""A scikit-learn estimator in a mesh."""

from typing import Any

from clouds import CLASSES, partition
from sklearn.linear_model import SGDClassifier

from gossipfl.adapters.sklearn import EstimatorTask


def make(context: Any) -> EstimatorTask:
    config = context.node_config
    X, y, X_test, y_test = partition(config.get("partition-id", 0), config.get("num-partitions", 2))
    return EstimatorTask(
        estimator=SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01),
        train=(X, y),
        test=(X_test, y_test),
        classes=range(CLASSES),
    )
