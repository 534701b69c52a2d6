"""From which length on something pays: the formula against a look at every length."""

from hypothesis import given
from hypothesis import strategies as st

from tersely.payoff.break_even import FAR, break_even

LONGEST = 300


def first_after_the_last_loss(saved):
    """The slow, obvious way."""
    losses = [length for length in range(1, LONGEST + 1) if saved(length) <= 0]
    return max(losses) + 1 if losses else 1


@st.composite
def bent_lines(draw):
    """A function that is linear between edges, and rises after the last."""
    edges = sorted(draw(st.sets(st.integers(1, 150), max_size=4)))
    lines = [(draw(st.integers(-5, 5)), draw(st.integers(-600, 600))) for _ in edges]
    lines.append((draw(st.integers(1, 5)), draw(st.integers(-600, 600))))

    def saved(length):
        piece = sum(length > edge for edge in edges)
        slope, start = lines[piece]
        return slope * length + start

    return saved, edges


@given(bent_lines())
def test_it_is_the_length_after_the_last_loss(bent):
    saved, edges = bent
    found = break_even(saved, edges)
    if found <= LONGEST:
        assert found == first_after_the_last_loss(saved)
    assert saved(found) > 0
    assert found == 1 or saved(found - 1) <= 0


@given(st.floats(1e-9, 1e-3), st.floats(0, 1))
def test_a_line_is_above_zero_from_there_on(slope, fixed):
    def saved(length):
        return slope * length - fixed

    found = break_even(saved, [])
    assert found is None or (saved(found) > 0 and (found == 1 or saved(found - 1) <= 0))


def test_what_falls_never_pays_from_a_length_on():
    assert break_even(lambda length: 500 - length, []) is None


def test_what_saves_nothing_never_pays():
    assert break_even(lambda length: 0.0, [10, 20]) is None


def test_what_always_saves_pays_from_the_first_token_on():
    assert break_even(lambda length: 1.0, [10, 20]) == 1


def test_it_pays_from_an_edge_on_where_all_before_it_loses():
    assert break_even(lambda length: length if length > 10 else -1, [10]) == 11


def test_edges_of_no_length_and_beyond_all_lengths_are_none():
    assert break_even(lambda length: length - 7.5, [0, -3, FAR, 2 * FAR]) == 8
