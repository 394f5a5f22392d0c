"""Policies, their model directories and the handler that RunInference calls."""

from pathlib import Path


def packaged_model() -> Path:
    """The model directory that is part of Rivulet: REINFORCE on a simulated stream.

    `make model` trains it. Its users and items are those of `simulation.sample_path`.
    """
    return Path(__file__).with_name("packaged")
