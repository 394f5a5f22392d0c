"""Encoded state, written by this and earlier versions of the format. A resumed job must read it.

    python -m tests.transforms.golden

writes the missing files of the current version. Files of earlier versions can only be made by
earlier code, and must not be changed.
"""
