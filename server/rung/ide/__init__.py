"""What an editor or the command line asks of a program: pure functions on a snapshot, without any protocol's types."""
