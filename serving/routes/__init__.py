"""The API's addresses, a file per subject."""
