"""Baselines: rankers that policies are compared with, under the same protocol."""
