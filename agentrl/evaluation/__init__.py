"""Evaluation: metrics and intervals over stored rollouts, reports, and the one function that collects."""
