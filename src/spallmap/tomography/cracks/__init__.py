"""Finds cracks: plate response, threshold, ridges, sheets, cracks."""
