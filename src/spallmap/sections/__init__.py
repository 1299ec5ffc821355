"""Sections: element counts with their errors."""
