"""Sections: data bars of electron microscope images, and element counts."""
