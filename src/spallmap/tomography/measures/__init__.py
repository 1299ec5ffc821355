"""What each crack measures, what would have been found, and what is new against an earlier scan."""
