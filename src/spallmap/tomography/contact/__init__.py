"""What lies against the ceramic's two faces: contact, gaps and voids."""

from spallmap.tomography.contact.face_maps import INTERFACE_CHANNELS, InterfaceMaps, interface_maps

__all__ = [
    "INTERFACE_CHANNELS",
    "InterfaceMaps",
    "interface_maps",
]
