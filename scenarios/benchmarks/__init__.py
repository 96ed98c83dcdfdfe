"""One file per question about speed. Each is run by hand and prints what it measured."""
