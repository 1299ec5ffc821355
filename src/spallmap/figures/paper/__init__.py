"""The figures of the paper, one module for each."""
