"""Hooks of the documentation site: pages that are generated from the code.

reference/options.md: the `--help` of every command.
reference/hostile.md: the cases of tests/hostile.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]

OPTIONS = "reference/options.md"
HOSTILE = "reference/hostile.md"


def on_files(files: Files, config: Any) -> Files:
    """Adds the generated pages."""
    # MkDocs restores sys.path after it has loaded the hooks.
    sys.path.insert(0, str(ROOT))
    from tests.hostile.cases import markdown

    files.append(File.generated(config, OPTIONS, content=options_page()))
    files.append(File.generated(config, HOSTILE, content=markdown()))
    return files


def options_page() -> str:
    """Every command with its options, as `--help` prints them."""
    from rivulet.cli import COMMANDS

    parts = [
        "# Options",
        "This page is generated from the commands' `--help`. Each command also runs as "
        "`rivulet NAME` after `pip install .`. Beam's own options are accepted by the pipelines.",
    ]
    environment = {**os.environ, "COLUMNS": "100", "PYTHONPATH": str(ROOT)}
    for name, command in COMMANDS.items():
        shown = subprocess.run(  # noqa: S603
            [sys.executable, "-m", command.module, "--help"],
            capture_output=True, text=True, check=True, env=environment, cwd=ROOT,
        )  # fmt: skip
        parts += [f"## {name}", f"`python -m {command.module}`", f"```text\n{shown.stdout}```"]
    return "\n\n".join(parts) + "\n"
