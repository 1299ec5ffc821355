"""Our own files, both ways: a module for each kind, which writes it whole or not at all, and reads it.

Formats are ``tables`` (JSON, CSV), ``documents`` (text, figures), ``ome_tiff``, ``ome_zarr`` with ``pyramid``
and ``slabs``, and ``vtk``; ``atomic`` is what all of them write through. What the workflow keeps in them has
its own modules: ``registration``, ``crack_search_parts``, and ``cell``, which gathers a cell's results as
``records``. Import from the modules: a script then loads the libraries of its own files alone.
"""
