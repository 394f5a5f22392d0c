"""Exploration: random places in the policy's lists, with exact propensities (spec section 4)."""
