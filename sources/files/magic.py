"""What files of a kind begin with. The module imports nothing, so that any command may use it."""

GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
