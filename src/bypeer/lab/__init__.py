"""Linux and root: the running kernel as the judge of the model."""
