"""A block of lines is parsed as its lines are, one by one, whatever their neighbours hold."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st

from sources.parsing.blocks import parse_block
from sources.parsing.layout import Layout
from sources.parsing.lines import Row, parse_line
from sources.parsing.malformed import Malformed
from transforms.messages.events import BEHAVIORS, TIME_LIMIT

WIDE = Layout(width=5, user=0, item=1, time=4, behavior=3)
NARROW = Layout(width=3, user=0, item=1, time=2, behavior=None)

ODD_NUMBERS = (
    *("", " ", " 7", "7\t", "-7", "- 7", "+7", "007", "7.0", "1e3", "0x10", "0X1F", "1_000"),
    *("-", "--1", "0" * 30 + "5", "9" * 18, "9" * 19, "9223372036854775807", "٣", "7\x00"),
    *("-9223372036854775808", "9223372036854775808", "-0", "7\r", "\xa07", "7" * 5000),
)
ODD_LINES = (
    *(b"1,2,3,pv,1511544000", b"1,2,3,pv,1511544000,", b"\xef\xbb\xbf1,2,3,pv,5", b"1,2,\xff,pv,4"),
    *(b",,,,", b" ", b'""', b'"', b'"1","2","3","pv","4"', b"\r", b"a\rb", b"1,2,3", b"1,2,3,4"),
)
NUMBERS = st.one_of(
    st.integers(0, 10**7).map(str),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(ODD_NUMBERS),
)
DATES = ("20251009", "19000101", "20991231", "20001301", "20000100", "21000101", "20251032")
TIMES = st.one_of(
    st.integers(1_511_544_000, 1_511_700_000).map(str),
    st.sampled_from(["0", "-1", str(TIME_LIMIT - 1), str(TIME_LIMIT), "1511544000000", *DATES]),
    NUMBERS,
)
NAMES = st.one_of(st.sampled_from([*BEHAVIORS, "PV", " pv", "", "view", "p\x00v", "é"]), st.text())
QUOTED = st.sampled_from([str, '"{}"'.format, '"{}'.format, '{}"'.format, '"a""{}"'.format])


def quoted(fields: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(fields, fields, st.tuples(fields, QUOTED).map(lambda pair: pair[1](pair[0])))


LINES = st.one_of(
    st.tuples(quoted(NUMBERS), quoted(NUMBERS), quoted(st.text()), quoted(NAMES), quoted(TIMES))
    .map(",".join)
    .map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.tuples(NUMBERS, NUMBERS, TIMES).map(",".join).map(str.encode),
    st.sampled_from(ODD_LINES),
    st.binary(),
).map(lambda line: line.replace(b"\n", b""))


def oracle(line: bytes, layout: Layout) -> Row | Malformed:
    """A line's meaning by the words of the docs, in the plainest Python there is."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return Malformed("not UTF-8", None)
    fields, at, more = [], 0, True
    while more:
        field = ""
        if text[at : at + 1] == '"':
            at += 1
            while at < len(text):
                if text[at : at + 2] == '""':
                    field, at = field + '"', at + 2
                elif text[at] == '"':
                    at += 1
                    break
                else:
                    field, at = field + text[at], at + 1
        end = text.find(",", at)
        more = end >= 0
        end = end if more else len(text)
        fields.append(field + text[at:end])
        at = end + 1
    if len(fields) < layout.width:
        return Malformed("too few fields", None)
    if len(fields) > layout.width:
        return Malformed("too many fields", None)

    def number(text: str) -> int | None:
        text = text.strip(" \t")
        sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
        if not digits or set(digits) - set("0123456789"):
            return None
        value = 0
        for digit in digits:
            value = value * 10 + int(digit)
            if value > 2**63:
                return None
        value *= sign
        return value if -(2**63) <= value < 2**63 else None

    user, item, time = (number(fields[at]) for at in (layout.user, layout.item, layout.time))
    known = time if time is not None and 0 <= time < TIME_LIMIT else None
    if known is not None and 19000101 <= known <= 20991231:
        month, day = int(str(known)[4:6]), int(str(known)[6:])
        known = None if 1 <= month <= 12 and 1 <= day <= 31 else known
    if user is None or item is None or time is None:
        return Malformed("not a number", known)
    if known is None:
        return Malformed("time out of range", None)
    name = "pv" if layout.behavior is None else fields[layout.behavior].strip(" \t")
    if name not in BEHAVIORS:
        return Malformed("unknown behavior", known)
    return Row(user, item, BEHAVIORS.index(name), known)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\n", b"\r\n", b"\n\n", b"\n\r\n"]))),
    st.booleans(),
    st.sampled_from([WIDE, NARROW]),
)
@example([(b'1,2,3,pv,4"', b"\n"), (b'"1,2,3,pv,5', b"\n")], True, WIDE)
@example([(b"\xef\xbb\xbf1,2,3", b"\n"), (b"1,2,3,4", b"\n"), (b"x,2,3", b"\n")], True, NARROW)
@example([(b"\xef\xbb\xbf1,2,3,pv,5", b"\n"), (b"\xef\xbb\xbf1,2,3,pv,5", b"\n")], False, WIDE)
def test_a_block_is_its_lines(
    lines: list[tuple[bytes, bytes]], ended: bool, layout: Layout
) -> None:
    block = b"".join(line + end for line, end in lines)
    if not ended:
        block = block[:-1] if block.endswith(b"\n") else block
    rows = [re.sub(rb"\r\Z", b"", line) for line in block.split(b"\n")]
    starts = [sum(len(line) + 1 for line in block.split(b"\n")[:at]) for at in range(len(rows))]
    kept = [(start, line) for start, line in zip(starts, rows, strict=True) if line]

    events, malformed = parse_block(block, layout)

    one_by_one = [oracle(line, layout) for _, line in kept]
    assert one_by_one == [parse_line(line, layout) for _, line in kept]
    wanted = [row for row in one_by_one if isinstance(row, Row)]
    columns = (events.user, events.item, events.behavior, events.time)
    assert list(zip(*(c.tolist() for c in columns), strict=True)) == wanted
    assert [(bad.row, bad.start, bad.reason, bad.raw, bad.time) for bad in malformed] == [
        (
            row,
            kept[row][0],
            what.reason,
            kept[row][1].decode("utf-8", "backslashreplace"),
            what.time,
        )
        for row, what in enumerate(one_by_one)
        if isinstance(what, Malformed)
    ]


def test_each_reason_is_named() -> None:
    block = (
        b"1,2,3,pv,1511544000\n1,2,3,pv\n1,2,3,pv,4,5\nx,2,3,pv,1511544000\n"
        b"1,2,3,look,1511544000\n1,2,3,pv,1511544000000\n1,2,\xff,pv,1511544000\n\n5,6,7,buy,8"
    )
    events, malformed = parse_block(block, WIDE)
    assert events.user.tolist() == [1, 5]
    assert events.behavior.tolist() == [0, 3]
    assert [(bad.row, bad.reason, bad.time) for bad in malformed] == [
        (1, "too few fields", None),
        (2, "too many fields", None),
        (3, "not a number", 1_511_544_000),
        (4, "unknown behavior", 1_511_544_000),
        (5, "time out of range", None),
        (6, "not UTF-8", None),
    ]
    assert list(malformed)[-1].raw == "1,2,\\xff,pv,1511544000"
    assert [block[bad.start :].split(b"\n")[0] for bad in malformed][1] == b"1,2,3,pv,4,5"


def test_order_is_kept_where_all_is_plain() -> None:
    events, malformed = parse_block(b"3,1,5\n1,1,4\n2,1,9\n", NARROW)
    assert not len(malformed)
    assert events.user.tolist() == [3, 1, 2]
    assert events.behavior.tolist() == [0, 0, 0]


def test_nothing_is_nothing() -> None:
    for block in (b"", b"\n", b"\r\n\n"):
        events, malformed = parse_block(block, WIDE)
        assert (len(events), len(malformed)) == (0, 0)
