"""Microcontroller boards: their serial ports, the toolchains and uploaders that put a program on them, and the link to the program that runs."""
