import pytest

from simulation.effects import Effects


@pytest.mark.parametrize(
    ("effects", "named"),
    [
        (Effects(satiation=1), "--satiation"),
        (Effects(session=1), "--session"),
        (Effects(return_rate=1), "--return_rate"),
        (Effects(delay=0.5), "--delay"),
        (Effects(attention=1, satiation_time=5), "--satiation_time"),
        (Effects(attention=1, satisfaction_time=5), "--satisfaction_time"),
        (Effects(attention=1, delay_time=5), "--delay_time"),
    ],
)
def test_an_option_without_an_effect_is_refused(effects: Effects, named: str) -> None:
    problems = list(effects.problems())
    assert len(problems) == 1
    assert problems[0].startswith(f"{named} has an effect only with --")


def test_effects_that_work_are_not_refused() -> None:
    assert not list(Effects().problems())
    assert not list(Effects(new_items=0.1, drift=1).problems())
    assert not list(Effects(attention=1, satiation=1, satiation_time=60).problems())
