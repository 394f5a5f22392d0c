"""Off-policy estimation: what a policy would have earned, from lists that another policy showed."""
