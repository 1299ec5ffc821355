"""What goes wrong at the instruments, one module for each: switchable, drawn at random, off by default."""
