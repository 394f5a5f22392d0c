"""A seeded generative model of users, and the click-streams it makes."""
