"""Tomograms as OME-Zarr: what their metadata say, and their chunks."""
