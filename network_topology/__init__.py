"""Fabrics: tiers and counts, live state, routing, collectives, failures, cables, power.

Knows numpy, scipy and networkx only. Every model takes frozen dataclasses and arrays.
"""
