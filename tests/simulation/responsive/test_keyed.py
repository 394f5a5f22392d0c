import numpy as np

from simulation.responsive.keyed import Purpose, exponentials, uniforms


def test_numbers_are_uniform_and_depend_on_each_key() -> None:
    users, times = np.meshgrid(np.arange(100), np.arange(100), indexing="ij")
    numbers = uniforms(3, Purpose.VIEW, users, times, np.array([[7]]))
    counts = np.bincount((numbers.ravel() * 20).astype(int), minlength=20)
    assert ((counts - 500) ** 2 / 500).sum() < 43.8  # chi-square, 19 degrees of freedom, 0.1%
    others = [
        uniforms(4, Purpose.VIEW, users, times, np.array([[7]])),
        uniforms(3, Purpose.CART, users, times, np.array([[7]])),
        uniforms(3, Purpose.VIEW, users, times, np.array([[8]])),
        uniforms(3, Purpose.VIEW, times, users, np.array([[7]])),
    ]
    for other in others:
        off = ~np.eye(100, dtype=bool)
        assert abs(np.corrcoef(numbers[off], other[off])[0, 1]) < 0.05


def test_numbers_do_not_depend_on_the_grouping() -> None:
    users = np.arange(50)
    whole = uniforms(1, Purpose.LOOK, users, users * 20)
    assert [uniforms(1, Purpose.LOOK, users[i : i + 1], users[i : i + 1] * 20)[0]
            for i in range(50)] == whole.tolist()  # fmt: skip


def test_exponentials_have_mean_1() -> None:
    numbers = exponentials(0, Purpose.DELAY, np.arange(20_000))
    assert numbers.min() >= 0
    assert abs(numbers.mean() - 1) < 5 / 20_000**0.5
