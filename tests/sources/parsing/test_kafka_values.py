"""The values of a poll are parsed as each would be alone."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sources.parsing.kafka_values import parse_value, parse_values
from sources.parsing.lines import Row
from sources.parsing.malformed import Malformed

VALUES = st.one_of(
    st.none(),
    st.binary(max_size=12),
    st.sampled_from(
        (
            *(b"1,2,3", b"1,2,3,buy", b"4,5,6,", b"1,2,3\r", b"\r", b"7,8,9\n", b'"1",2,3'),
            *(b'{"user":1,"item":2,"time":3}', b' {"user_id":1,"item":"2","timestamp":3.0}'),
            *(b'{"user":1},{"item":2}', b"{", b'{"user":true,"item":2,"time":3}', b"{" * 5000),
            *(b'{"user":1,"item":2,"time":3,"label":"fav"}', b'{"user":1,"item":2,"time":NaN}'),
            *(b'\x0c{"user":1,"item":2,"time":3}', b'\x0b{"', b'\x1c{"'),
            *(b'{"user":1,"item":2,"time":3,"behavior":7}', b"[" * 9, b"1,2\n3", b"1,2,\xff"),
        )
    ),
)


@settings(deadline=None)
@given(st.lists(VALUES))
def test_a_poll_is_its_values(values: list[bytes | None]) -> None:
    alone = [parse_value(value) for value in values]
    events, at, wrong, _ = parse_values(values)
    columns = (events.user, events.item, events.behavior, events.time)
    got = list(zip(*(column.tolist() for column in columns), strict=True))
    good = [(row, parsed) for row, parsed in enumerate(alone) if isinstance(parsed, Row)]
    assert list(zip(at.tolist(), got, strict=True)) == good
    assert list(wrong) == [
        (row, bad) for row, bad in enumerate(alone) if isinstance(bad, Malformed)
    ]


def test_json_and_its_faults() -> None:
    assert parse_value(b'{"user_id":1,"item":"2","timestamp":3.0,"label":"fav"}') == (1, 2, 2, 3)
    assert parse_value(b'{"user":1,"item":2,"time":3}') == (1, 2, 0, 3)
    assert parse_value(b'{"user":1,"item":2,"time":3,"behavior":7}') == ("unknown behavior", 3)
    assert parse_value(b'{"user":true,"item":2,"time":3}') == ("not a number", 3)
    assert parse_value(b'{"user":1,"item":2}') == ("too few fields", None)
    assert parse_value(b'{"user":') == ("not JSON", None)
    assert parse_value(None) == ("too few fields", None)
