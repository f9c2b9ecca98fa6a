"""How the tables came to be what they are, one step a file; a step that has been released never changes."""
