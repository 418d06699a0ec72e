"""Collectors: what makes trees of episodes, a retry or a search, out of an environment and a policy."""
