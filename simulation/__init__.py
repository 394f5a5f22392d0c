"""Simulated click streams, drawn from a seeded generative model of users and items."""

from pathlib import Path


def sample_path() -> Path:
    """The sample click stream that ships with Rivulet: gzipped CSV with a header.

    It has 60,000 events of 743 users on 996 items in 40 minutes, up to 10 s out of order, with
    300 duplicates and 120 malformed lines in addition. Its world is
    `simulation.model.World.make(seed=0, users=800)`. It was written, in one line, by
    `python -m pipelines.simulate --output=simulation/sample.csv.gz --events=60000 --users=800
    --rate=25 --out_of_orderness=10 --malformed=0.002 --duplicates=0.005`.
    """
    return Path(__file__).with_name("sample.csv.gz")
