"""Settings: what wins over what, and one clear line for whatever is wrong."""

from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gossipfl.config import KEYS, PRESETS, NodeConfig, build_config, load_config
from gossipfl.errors import ConfigError


@pytest.fixture
def write(tmp_path: Path):
    def write_file(text: str) -> Path:
        path = tmp_path / "node.toml"
        path.write_text(text)
        return path

    return write_file


def message(write, text: str, **flags: object) -> str:
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, flags)
    line = str(caught.value)
    assert "\n" not in line
    return line.replace(str(path), "FILE")


def test_nothing_given_is_the_documented_default(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    config = load_config(None, {})
    assert config == attrs.evolve(NodeConfig(), state=tmp_path / ".gossipfl" / "node")


def test_file_beats_preset_and_flag_beats_file(write):
    path = write('preset = "battery"\ninterval_s = 7\n')
    config = load_config(path, {})
    assert (config.view, config.interval_s) == (PRESETS["battery"]["view"], 7.0)
    assert load_config(path, {"interval_s": 3.0}).interval_s == 3.0
    assert load_config(path, {"view": 3}).view == 3


def test_a_preset_flag_changes_only_what_the_file_leaves_open(write):
    config = load_config(write("interval_s = 7\n"), {"preset": "wan"})
    assert (config.interval_s, config.resend_s) == (7.0, PRESETS["wan"]["resend_s"])


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid(preset):
    config = build_config({"preset": preset}, "test")
    assert {key: getattr(config, key) for key in PRESETS[preset]} == PRESETS[preset]


def test_every_type_of_value_is_read(write):
    path = write(
        'state = "here"\npeer = ["a:1", "b:2"]\nmdns = false\nseed = 3\nvalidation = 0\n'
        'interface = ["192.168.1.20"]\ninterval_s = 2\n'
    )
    config = load_config(path, {})
    assert (config.state, config.peer, config.mdns) == (Path("here"), ("a:1", "b:2"), False)
    assert (config.seed, config.validation, config.interface) == (3, 0.0, ("192.168.1.20",))
    assert isinstance(config.interval_s, float)


def test_home_directories_are_expanded(write, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    config = load_config(write('state = "~/s"\ndata = "~/d.csv"\n'), {})
    assert (config.state, config.data) == (tmp_path / "s", tmp_path / "d.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("veiw = 3", "FILE: unknown key 'veiw'; did you mean 'view'?"),
        ("view-max = 3", "FILE: unknown key 'view-max'; did you mean 'view_max'?"),
        ("[node]\nview = 3", "FILE: unknown key 'node'; "),
        ('view = "4"', "FILE: view: '4' is not a whole number"),
        ("view = 4.7", "FILE: view: 4.7 is not a whole number"),
        ("view = true", "FILE: view: True is not a whole number"),
        ("view = 0", "FILE: 'view' must be >= 1: 0"),
        ("view = 65", "FILE: 'view' must be <= 64: 65"),
        ("view = 9", "FILE: view_max (8) is below view (9)"),
        ('interval_s = "fast"', "FILE: interval_s: 'fast' is not a finite number"),
        ("interval_s = inf", "FILE: interval_s: inf is not a finite number"),
        ("interval_s = nan", "FILE: interval_s: nan is not a finite number"),
        ("interval_s = true", "FILE: interval_s: True is not a finite number"),
        ("interval_s = 0", "FILE: 'interval_s' must be > 0: 0.0"),
        ("validation = 1", "FILE: 'validation' must be < 1: 1.0"),
        ("probe_timeout_s = 5", "FILE: probe_timeout_s must be below probe_interval_s"),
        ("seed = -1", "FILE: 'seed' must be >= 0: -1"),
        ("rounds = -1", "FILE: 'rounds' must be >= 0: -1"),
        ("mdns = 1", "FILE: mdns: 1 is not true or false"),
        ('mdns = "yes"', "FILE: mdns: 'yes' is not true or false"),
        ("state = 5", "FILE: state: 5 is not text in quotes"),
        ("data = []", "FILE: data: [] is not text in quotes"),
        ('state = "~nobody-has-this-name/x"', "FILE: state: '~nobody-has-this-name/x' starts with"),
        ('state = "a\\u0000b"', "FILE: state: a text has no NUL character in it"),
        ('peer = "a:1"', "FILE: peer: 'a:1' is not a list: write ['a:1']"),
        ("peer = [5]", "FILE: peer: 5 is not text in quotes"),
        ('preset = "home"', "FILE: 'preset' must be in ('local', 'lan', 'wan', 'battery')"),
        ('preset = ["lan"]', "FILE: preset: ['lan'] is not text in quotes"),
        ("view = ", "FILE is not valid TOML: "),
        ("view = 3\nview = 4", "FILE is not valid TOML: "),
    ],
)
def test_a_bad_file_is_named_with_key_and_remedy(write, text, said):
    assert message(write, text).startswith(said)


def test_a_key_like_no_other_lists_them_all(write):
    assert message(write, "zzzz = 1").endswith("known: " + ", ".join(KEYS))


def test_a_bad_flag_is_not_blamed_on_a_good_file(write):
    assert message(write, "view = 3", view=0).startswith("the command line: 'view' must be")


def test_unreadable_files_are_named(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b'state = "\xe9"')
    for path, said in [
        (tmp_path / "none.toml", "cannot read .*none.toml: No such file or directory"),
        (tmp_path, "cannot read .*: Is a directory"),
        (tmp_path / "latin.toml", "latin.toml is not valid TOML"),
    ]:
        with pytest.raises(ConfigError, match=said):
            load_config(path, {})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(KEYS) | st.text(), VALUES, max_size=4))
def test_any_values_give_settings_or_one_line(settings):
    line = ""
    try:
        config = build_config(settings, "somewhere")
    except ConfigError as error:
        line = str(error)
    if line:
        assert line.startswith("somewhere: ")
        assert "\n" not in line
    else:
        assert isinstance(config.state, Path)
        assert 1 <= config.view <= config.view_max <= 64
