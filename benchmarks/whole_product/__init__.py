"""The whole product at work: how soon it starts, what it sustains, and what results cost."""
