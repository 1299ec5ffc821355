"""Tells the materials of a section apart."""
