"""The list of cases names tests that are there, and all of this folder's."""

import ast
from pathlib import Path

import pytest

from tests.hostile.cases import CASES, markdown

TESTS = Path(__file__).parents[1]
FOLDER = Path(__file__).parent

pytestmark = pytest.mark.hostile


def names_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


@pytest.mark.parametrize("test", sorted({test for case in CASES for test in case.tests}))
def test_the_tests_of_a_case_are_there(test: str) -> None:
    file, _, name = test.partition("::")
    assert name in names_of(TESTS / file)


def test_each_test_of_this_folder_is_of_a_case() -> None:
    named = {test for case in CASES for test in case.tests}
    found = {
        f"hostile/{path.name}::{name}"
        for path in FOLDER.glob("test_*.py")
        if path.name != "test_cases.py"
        for name in names_of(path)
    }
    assert found - named == set()


def test_the_page_has_a_row_for_each_case() -> None:
    page = markdown()
    assert page.count("\n| ") - page.count("| Input |") == len(CASES)
    for case in CASES:
        assert f"| {case.given} | {case.seen} | {case.kept} |" in page
