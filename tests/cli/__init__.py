"""The commands as a user runs them: in a shell, on a terminal, in a pipe, from a schedule."""
