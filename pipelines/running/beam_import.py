"""Imports Beam without the libraries of its optional parts that a job does not use.

`import apache_beam` imports pandas and the clients of Google Cloud, MongoDB and other services
wherever they are installed, and `apache_beam.ml` imports PyTorch: three quarters of the time until
a pipeline starts. Beam runs without each of them, as if its extras were not installed. They are
hidden while Beam is imported and can be imported afterwards.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from itertools import pairwise
from types import ModuleType

OPTIONAL = frozenset(
    {
        "apitools", "azure", "boto3", "bson", "google.api_core", "google.auth", "google.cloud",
        "google.pubsub_v1", "hdfs", "oauth2client", "pandas", "pymongo", "torch",
    }
)  # fmt: skip
"""What Beam imports only for DataFrames, its own connectors, remote files and model managers."""

LOCAL_RUNNERS = ("", "directrunner", "prismrunner", "flinkrunner", "render")


class _Hidden(MetaPathFinder):
    """Finds none of the optional libraries, so that importing one is an ImportError."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in OPTIONAL:
            raise ModuleNotFoundError(f"{name} is not imported with Beam", name=name)
        return None


def import_beam(argv: Sequence[str], *modules: str) -> None:
    """Imports Beam as a job with these options needs it.

    Args:
        argv: the command line. Files on remote filesystems, and runners in the cloud, need the
            clients: with them Beam is imported with all that is installed.
        modules: modules of Beam to import besides.
    """
    with _hidden() if _is_local(argv) else _nothing():
        for module in ("apache_beam", *modules):
            importlib.import_module(module)


def _is_local(argv: Sequence[str]) -> bool:
    remote = ("gs://", "s3://", "azfs://", "hdfs://")
    if any(scheme in argument for argument in argv for scheme in remote):
        return False
    return named_runner(argv) in LOCAL_RUNNERS


def named_runner(argv: Sequence[str]) -> str:
    """The value of --runner in small letters; empty where a command line has none."""
    found = [value for name, value in pairwise(argv) if name == "--runner"]
    found += [text.removeprefix("--runner=") for text in argv if text.startswith("--runner=")]
    return found[-1].lower() if found else ""


@contextmanager
def _hidden() -> Iterator[None]:
    finder = _Hidden()
    sys.meta_path.insert(0, finder)
    # Beam warns about each library that it does not find.
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        sys.meta_path.remove(finder)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
