"""One operating-system facility a file, no decisions."""
