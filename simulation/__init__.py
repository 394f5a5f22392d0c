"""A seeded generative model of users, and the click-streams it makes."""

from pathlib import Path


def sample_path() -> Path:
    """The sample click-stream that ships with Rivulet: gzipped CSV with a header.

    Made by `make sample`: 60,000 events of 800 users on 600 items in 40 minutes, with
    malformed lines and duplicates among them.
    """
    return Path(__file__).with_name("sample.csv.gz")
