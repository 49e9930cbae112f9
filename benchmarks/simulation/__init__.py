"""Policies against modelled children on modelled cards: whole jobs, tallied."""
