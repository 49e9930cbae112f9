"""A model's files: fetched from where they are published, and looked at once they are here.

A process of its own, `python -m tts_core.models`: what it imports and holds goes with it. Importing
these modules brings neither torch nor the hub's library; what needs one imports it when it runs.
"""
