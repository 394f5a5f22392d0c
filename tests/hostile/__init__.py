"""Input, peers and stores that do not behave, and what Rivulet does about each.

`cases` lists the cases: what comes in, what the user sees, what is kept, and the tests that hold
it. The table of the documentation (`docs/reference/hostile.md`) is made from this list by
`docs/hooks.py`. `test_cases.py` holds that every test of this folder is of a case, and that the
tests of every case are there.

Tests whose subject is one package lie with that package; this folder has the others, with the
marker `hostile`. The ones that take long have the marker `long` too: `make hostile` runs them.
`fuzzing/` has fuzzers of what parses bytes from outside.

To add a case: write the test where it belongs, and a `Case` that names it.
"""
