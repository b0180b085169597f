"""Tests of the sandbox, over the socket as any client would use it."""
