"""Rung: a PLC engineering station for OpenPLC."""

__version__ = "0.1.0"
