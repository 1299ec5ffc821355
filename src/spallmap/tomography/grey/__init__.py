"""The common grey scale of all scans, and the artefacts that are taken out on the way to it."""
