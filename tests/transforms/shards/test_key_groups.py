"""Key groups against values that Flink's own classes gave (`flink_key_groups/KeyGroups.java`)."""

import csv
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from apache_beam.coders import VarIntCoder

from pipelines.flink.job_server.build import build_job_server
from rivulet.system.programs import java
from transforms.shards.key_groups import GROUPS, _murmur, key_group

FOLDER = Path(__file__).parent / "flink_key_groups"
VALUES = FOLDER / "key_groups.csv"


def rows(kind: str) -> list[tuple[str, int]]:
    with VALUES.open() as lines:
        return [(key, int(value)) for found, key, value in csv.reader(lines) if found == kind]


def test_the_hash_is_flinks() -> None:
    found = rows("murmur")
    assert len(found) == 200
    assert [_murmur(int(code) & (1 << 32) - 1) for code, _ in found] == [h for _, h in found]


def test_groups_of_encoded_keys_are_flinks() -> None:
    found = rows("key")
    assert len(found) == 300
    assert [key_group(bytes.fromhex(key)) for key, _ in found] == [group for _, group in found]


def test_a_shards_key_is_one_of_them() -> None:
    keys = [VarIntCoder().encode(number).hex() for number in range(128)]
    assert keys == [key for key, _ in rows("key")][:128]


def test_sixteen_small_keys_are_distributed_unevenly() -> None:
    # As a cluster distributed the keys 0..15 over two subtasks.
    subtasks = Counter(key_group(VarIntCoder().encode(key)) * 2 // GROUPS for key in range(16))
    assert subtasks == {0: 10, 1: 6}


@pytest.mark.flink
def test_flink_still_gives_these_values() -> None:
    lib = build_job_server().parent / "lib"
    command = [str(java()), "-cp", f"{lib}/*", str(FOLDER / "KeyGroups.java")]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    assert found.stdout == VALUES.read_text()
