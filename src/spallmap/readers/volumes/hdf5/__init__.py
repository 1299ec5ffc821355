"""Tomograms in HDF5 and NeXus files: which dataset is meant, how large its voxels are, where they stand."""
