"""Packages Rivulet, for `pip install .` and for Beam's `--setup_file`."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
PACKAGES = (
    "rivulet",
    "pipelines",
    "sources",
    "transforms",
    "inference",
    "sinks",
    "simulation",
    "training",
    "serving",
    "deploy",
)


def requirements() -> dict[str, list[str]]:
    """What each extra imports itself; the exact versions with hashes are in requirements.txt."""
    found: dict[str, list[str]] = {}
    extra = ""
    for line in (HERE / "requirements.in").read_text(encoding="utf-8").splitlines():
        heading = re.fullmatch(r"# \[(\w+)\]", line)
        name = line.split("#")[0].strip()
        if heading:
            extra = heading[1]
            found[extra] = []
        elif name:
            found[extra].append(name)
    return found


def extras() -> dict[str, list[str]]:
    """The extras: those of requirements.in, and the ones made of several of them."""
    found = requirements()
    del found["base"]
    found["flink"] = [*found["pipelines"], *found["kafka"]]
    found["all"] = sorted({name for names in found.values() for name in names})
    return found


packages = find_packages(include=[f"{name}*" for name in PACKAGES])

setup(
    name="rivulet",
    version=re.search(
        r'^__version__ = "(.+)"$', (HERE / "rivulet" / "__init__.py").read_text("utf-8"), re.M
    )[1],
    description="A real-time recommender: one Apache Beam pipeline from clicks to ranked items.",
    python_requires=">=3.11",
    packages=packages,
    package_data={
        **{name: ["py.typed"] for name in PACKAGES},
        "deploy": ["py.typed", "**/*.xml", "**/*.java", "prometheus/*.yaml", "grafana/*.json"],
        "pipelines": ["py.typed", "**/*.xml", "**/*.java"],
        "inference": ["py.typed", "packaged/*"],
        "serving": ["py.typed", "static/**"],
        "sources": ["py.typed", "schema/presets/*.toml"],
        "simulation": ["py.typed", "*.csv.gz"],
    },
    install_requires=requirements()["base"],
    extras_require=extras(),
    entry_points={"console_scripts": ["rivulet = rivulet.cli:main"]},
)
