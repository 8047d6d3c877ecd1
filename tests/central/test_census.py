"""What a seed keeps up of its clients, against going through all of them."""

from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from gossipfl.central.census import Census

LONGEST = 5
KEYS = st.sampled_from([bytes([number]) for number in range(8)])
CHANGES = st.lists(st.tuples(KEYS, st.integers(-1, 4), st.integers(1, 9)), max_size=40)


@given(CHANGES, KEYS, st.integers(0, 4))
def test_weights_and_medians_are_those_of_all_clients(changes, key, oldest):
    census, known = Census(LONGEST), dict[bytes, tuple[int, int]]()
    for client, base, samples in changes:
        census.note(census.enter(client), base=base, samples=samples)
        known.pop(client, None)
        known[client] = base, samples
        while len(known) > LONGEST:
            del known[next(iter(known))]
    assert [(row[0], row[1:3]) for row in census] == list(known.items())
    assert census.weight(oldest) == sum(each[1] for each in known.values() if each[0] >= oldest)
    others = [samples for other, (_, samples) in known.items() if other != key]
    assert census.usual(key) == (len(others), median(others) if others else 0)


@given(CHANGES, KEYS)
def test_a_census_goes_on_from_its_rows(changes, key):
    census = Census(LONGEST)
    for client, base, samples in changes:
        census.note(census.enter(client), base=base, samples=samples)
    again = Census(LONGEST, list(census))
    assert list(again) == list(census)
    assert again.usual(key) == census.usual(key)
    assert again.weight(0) == census.weight(0)
