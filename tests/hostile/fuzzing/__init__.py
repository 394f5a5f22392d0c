"""Fuzzers of what parses bytes from outside; each is a program that takes libFuzzer's options.

    python -m tests.hostile.fuzzing.kafka_values -max_total_time=60

An input that ends one is written to a file; it belongs into a test.
"""
