"""Result files, one module for each kind; every one of them appears whole or not at all.

Writing goes to a sibling of the wanted path that is renamed at the end, so that a run that was killed leaves
nothing that could be taken for a result. Files carry no time stamp: the same content gives the same bytes.
"""
