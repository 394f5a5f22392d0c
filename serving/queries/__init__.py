"""Queries to the stores, by subject, for the API and for the page's live figures alike."""

from serving.queries.job import JobQueries
from serving.queries.popular import PopularQueries
from serving.queries.related import RelatedQueries
from serving.queries.users import UserQueries


class Queries(UserQueries, PopularQueries, RelatedQueries, JobQueries):
    """All queries to a group of stores."""
