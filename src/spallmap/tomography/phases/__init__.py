"""Which voxel is ceramic, sodium, void, casing or outside, and where the ceramic's faces lie."""
