"""State as bytes, written by earlier versions of the format: a job that resumes must read them.

    python -m tests.transforms.golden

writes the files of the version that this code writes, where they are missing. Those of earlier
versions can only be made by earlier code, and stay as they are.
"""
