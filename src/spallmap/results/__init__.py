"""Our own files, both ways: a module for each kind, which writes it whole or not at all, and reads it."""
