"""Limits and sizes that several packages have as a default."""

MAX_FUTURE = 300
"""Seconds after the clock up to which a time is valid: of an event, and of a row in a store."""

MAX_ELEMENTS = 10_000
"""Most events of one object of JSON or Avro. A line of 1 MiB has room for 350,000 that are empty,
each takes about 900 bytes while it is read, and the object's own texts are copied for each."""

BOUGHT_LIMIT = 256
"""A user's latest purchases that are left out of lists: in a job's state, and by request."""

RECOMMENDATIONS = 8
"""Items of a list."""

HISTORY_SIZE = 10
"""A user's last events that make a history."""

MIN_HISTORY = 10
"""Events in a history from which on a policy ranks, where its model says no other number."""

MOST_VALUE_FACTOR = 10.0
"""Largest factor by which an event's value weighs its reward."""

RECOMMEND_PERIOD = 20
"""Seconds of event time between two lists of a user."""

POPULAR_PERIOD = 80
"""Seconds of event time between the ends of two rankings of popular items."""
