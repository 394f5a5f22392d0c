"""Events as they may arrive: shuffled, repeated, cut into frames anywhere."""

from itertools import pairwise

from hypothesis import strategies as st

from tests.sinks.frames import Event
from transforms.messages.events import BEHAVIORS

_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.one_of(st.integers(-2, 12), st.sampled_from([-(2**63), 2**63 - 1])),
        st.sampled_from(BEHAVIORS),
        st.integers(1_500_000_000, 1_500_000_009),
    ),
    min_size=1,
    max_size=30,
)


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[Event]]:
    """Frames of events; some events come more than once."""
    rows = draw(_EVENTS)
    rows = draw(st.permutations(rows + draw(st.lists(st.sampled_from(rows), max_size=10))))
    cuts = sorted(draw(st.sets(st.integers(1, len(rows)), max_size=4)) | {0, len(rows)})
    return [rows[a:b] for a, b in pairwise(cuts)]
