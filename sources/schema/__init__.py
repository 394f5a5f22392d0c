"""Schemas: how a shop's own events map to Rivulet's (`--schema`, spec section 1)."""
