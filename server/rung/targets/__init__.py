"""What a program can be built for: the names of the targets, and the table of boards."""
