"""Settings: one frozen tree, decoded from one TOML file and the environment, checked once."""
