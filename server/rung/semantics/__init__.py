"""Meaning: names, types, constants, located addresses, tasks. See `analysis` for the way in and `model` for what comes out."""
