"""Which logs are read, completely and cheaply, and how they become rows."""
