"""How a run is watched: telemetry, metrics, logs, the status line."""
