"""News that wait for one neighbour become few messages, and none is lost."""

from hypothesis import given
from hypothesis import strategies as st

from gossipfl.membership.bundle import Bundle
from gossipfl.wire.messages import MEMBERS_MAX, Members, Ping, decode, encode

ids = st.integers(0, 200).map(lambda number: number.to_bytes(8, "big"))
news = st.builds(
    Members,
    known=st.lists(st.tuples(ids, st.integers(0, 9)), max_size=MEMBERS_MAX).map(tuple),
    obituaries=st.lists(ids, max_size=16).map(tuple),
)


@given(st.lists(st.tuples(st.sampled_from([b"a" * 8, b"b" * 8]), news), max_size=12))
def test_each_neighbour_hears_all_of_its_news_once(said):
    bundle = Bundle()
    assert all(bundle.add(to, message) for to, message in said)
    sends = bundle.take()
    for peer in (b"a" * 8, b"b" * 8):
        told = [decode(encode(each.message)) for each in sends if each.to == peer]
        known = [entry for each in told for entry in each.known]
        wanted: dict[bytes, int] = {}
        for _, message in [each for each in said if each[0] == peer]:
            for member, incarnation in message.known:
                wanted[member] = max(incarnation, wanted.get(member, 0))
        assert dict(known) == wanted
        assert len(known) == len(wanted)
        deaths = [entry for each in told for entry in each.obituaries]
        assert len(deaths) == len(set(deaths))
        assert set(deaths) == {e for to, m in said if to == peer for e in m.obituaries}
        assert Members() not in told
    assert not bundle
    assert bundle.take() == []


def test_what_is_more_than_news_goes_as_it_is():
    bundle = Bundle()
    for message in (
        Ping(),
        Members(asks=True),
        Members(wanted=(b"a" * 8,)),
        Members(((b"a" * 8, 1),), records=((b"record", 3),)),
    ):
        assert not bundle.add(b"b" * 8, message)
    assert not bundle


def test_many_news_are_few_messages():
    bundle = Bundle()
    for number in range(3 * MEMBERS_MAX):
        bundle.add(b"b" * 8, Members(((number.to_bytes(8, "big"), 1),)))
    assert len(bundle) == 1
    assert len(bundle.take()) == 3
