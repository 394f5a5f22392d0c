"""The page and the JSON API over the stores."""
