"""A model of the runtime: executes our own transactions on exact arithmetic and answers as a real node would."""
