"""Shapes of the API: what requests may say and what answers look like, one file a noun."""
