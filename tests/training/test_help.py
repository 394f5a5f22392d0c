"""`--help` of the training commands: every option, without slow imports."""

import subprocess
import sys

import pytest

SLOW = {"torch", "duckdb", "apache_beam", "pandas", "pyarrow", "numpy", "matplotlib", "scipy"}
OPTIONS = {
    "prepare": ("--input", "--reward_window SECONDS", "--sample_users"),
    "embed": ("--dim", "--temperature"),
    "train": ("--algorithm", "--encoder", "--cap", "--anchor", "--kl"),
    "estimate": ("--log", "--min_ess", "--schema"),
    "loop": ("--every DURATION", "--most_unsupported", "--holdout"),
    "models": ("rollback", "--version"),
    "experiment": ("--control", "--share", "report"),
    "evaluate": ("--model", "--baselines"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_help_has_the_options_and_loads_no_slow_library(name: str) -> None:
    code = (
        f"import sys\nfrom training.{name} import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as left:\n    assert left.code == 0\n"
        "print('LOADED', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    text, _, loaded = done.stdout.partition("LOADED")
    assert not SLOW & set(loaded.split())
    for option in OPTIONS[name]:
        assert option in text
