"""Modelled children on modelled cards, and the traces that they leave, by seed."""
