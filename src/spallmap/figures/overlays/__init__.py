"""What lies over what: pictures, channel stacks and the three-dimensional scene of a registered cell."""
