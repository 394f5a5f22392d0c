"""The file source: CSV and Parquet, read in ranges."""
