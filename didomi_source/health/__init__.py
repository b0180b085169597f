"""How each export is, whether that is still known, and the words for it."""
