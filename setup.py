"""Packages Rivulet, for `pip install .` and for Beam's `--setup_file`."""

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


def direct_requirements() -> list[str]:
    """What Rivulet itself imports; the exact versions with hashes are in requirements.txt."""
    lines = (HERE / "requirements.in").read_text(encoding="utf-8").splitlines()
    return [name for line in lines if (name := line.split("#")[0].strip())]


setup(
    name="rivulet",
    version="0.1.0",
    description="A real-time recommender: one Apache Beam pipeline from clicks to ranked items.",
    python_requires=">=3.11",
    packages=find_packages(include=[f"{name}*" for name in PACKAGES]),
    package_data={
        "deploy": ["**/*.xml", "**/*.java"],
        "pipelines": ["**/*.xml", "**/*.java"],
        "inference": ["packaged/*"],
        "serving": ["static/**"],
        "simulation": ["*.csv.gz"],
    },
    install_requires=direct_requirements(),
)
