"""A small protocol for tests of the shell: one message of each kind."""
