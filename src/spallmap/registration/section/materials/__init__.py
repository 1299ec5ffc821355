"""Tells the materials of a section apart: by their grains, and voids by their darkness."""
