"""Tools that work on a volume block by block, or on lists of a few of its voxels."""
