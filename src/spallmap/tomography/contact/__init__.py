"""What lies against the ceramic's two faces: contact, gaps and voids."""
