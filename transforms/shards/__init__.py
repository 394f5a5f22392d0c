"""Users dealt to shards: the keys, and transforms that repartition by user."""
