"""The extras of the package, and that the web server needs no more than its own."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WITHOUT = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in %r:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
"""

SERVE = """
from fastapi.testclient import TestClient
from serving.app import create_app
from serving.options import parse

app = create_app(*parse(["--store=sqlite:///" + sys.argv[1]]))
with TestClient(app, base_url="http://127.0.0.1") as client:
    print(client.get("/health").status_code, client.get("/popular").status_code)
"""

NOT_FOR_SERVING = ("apache_beam", "torch", "kafka", "duckdb", "pandas", "matplotlib")


def python(code: str, *arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == status, done.stderr[-2000:]
    return done.stdout + done.stderr


def test_the_web_server_runs_without_beam_and_pytorch(tmp_path: Path) -> None:
    said = python(WITHOUT % (NOT_FOR_SERVING,) + SERVE, str(tmp_path / "empty.db"))
    health, popular = said.split()[:2]
    assert int(health) in (200, 503)
    assert int(popular) == 404


@pytest.mark.parametrize(
    ("command", "missing", "extra"),
    [("serve", "fastapi", "serving"), ("recommend", "apache_beam", "pipelines"),
     ("train", "torch", "training")],
)  # fmt: skip
def test_a_command_names_the_extra_that_it_needs(command: str, missing: str, extra: str) -> None:
    run = "from rivulet.cli import main; sys.exit(main(sys.argv[1:]))"
    flags = {"train": ["--algorithm=bcq", "--data=x", "--output=y"]}.get(command, [])
    said = python(WITHOUT % ((missing,),) + run, command, *flags, status=2)
    (line,) = said.splitlines()
    assert f"the package {missing} is not installed: pip install 'rivulet[{extra}]'" in line


def test_extras_and_their_headings() -> None:
    headings = re.findall(r"^# \[(\w+)\]$", (ROOT / "requirements.in").read_text(), re.MULTILINE)
    code = (
        "import json, sys, setuptools\n"
        "found = {}\n"
        "setuptools.setup = lambda **given: found.update(given)\n"
        "exec(compile(open('setup.py').read(), 'setup.py', 'exec'), {'__file__': 'setup.py'})\n"
        "print(json.dumps([found['install_requires'], found['extras_require'], found['version']]))"
    )
    base, extras, version = json.loads(python(code))
    assert set(extras) == {*headings, "flink", "all"} - {"base"}
    assert not any(name.startswith(("apache-beam", "torch")) for name in base)
    assert not any(name.startswith(("apache-beam", "torch")) for name in extras["serving"])
    assert {name for names in extras.values() for name in names} == set(extras["all"])
    from rivulet import __version__

    assert version == __version__
