"""What names an app, and what it is told."""

import pytest

from gossipfl.adapters.loading import load, make
from gossipfl.adapters.surroundings import NodeContext, parse_settings
from gossipfl.errors import ConfigError

CONTEXT = NodeContext(7, {"partition-id": 3}, {"lr": 0.5})


def test_values_are_read_as_toml_or_else_as_text():
    pairs = ("lr=0.1 batch-size=8", "name=a b", "fast=true", 'quoted="1"', "path=a=b")
    assert parse_settings("--run-config", pairs) == {
        "lr": 0.1,
        "batch-size": 8,
        "name": "a b",
        "fast": True,
        "quoted": "1",
        "path": "a=b",
    }


@pytest.mark.parametrize("value", ["[1]", "{a = 1}", "1979-05-27", "1\nb = 2"])
def test_only_scalars_are_values(value):
    assert isinstance(parse_settings("--run-config", [f"key={value}"])["key"], str)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (["lr"], "'lr' is not KEY=VALUE"),
        (["=1"], "is not KEY=VALUE"),
        (["a=1", "a=2"], "'a' is given twice"),
        (["a=" + "x" * 5000], "is not KEY=VALUE"),
        ([f"k{i}=1" for i in range(300)], "at most 256"),
    ],
)
def test_what_is_no_setting_is_refused_by_name(pairs, said):
    with pytest.raises(ConfigError, match=f"--node-config: .*{said}"):
        parse_settings("--node-config", pairs)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("no_colon", "is not package.module:name"),
        (":app", "is not package.module:name"),
        ("module:", "is not package.module:name"),
        ("there_is_none:app", "cannot import there_is_none: ModuleNotFoundError"),
        ("numpy_app:nothing", "numpy_app has no 'nothing'"),
        ("broken:app", "cannot import broken: ZeroDivisionError: on purpose"),
    ],
)
def test_what_cannot_be_loaded_is_one_line(examples, monkeypatch, tmp_path, spec, said):
    (tmp_path / "broken.py").write_text("raise ZeroDivisionError('on purpose')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=said):
        load(spec)


def test_names_lead_into_objects(examples):
    assert load("numpy_app:Client.fit").__name__ == "fit"


def test_factories_get_what_they_take():
    assert make(lambda: 5, CONTEXT) == 5
    assert make(lambda context: context.node_config["partition-id"], CONTEXT) == 3
    assert make(lambda cid: cid, CONTEXT) == "3"
    assert make(lambda size=9: size, CONTEXT) == 9
    with pytest.raises(ConfigError, match="failed: KeyError"):
        make(lambda context: context.node_config["absent"], CONTEXT)
