"""The web page and the JSON API over Rivulet's stores and models."""
