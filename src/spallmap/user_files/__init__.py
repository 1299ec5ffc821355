"""Texts that a person writes: tables, landmarks, the configuration. They are decoded and split strictly."""
