"""What every file passes before it is believed: access, memory, plausible sizes."""
