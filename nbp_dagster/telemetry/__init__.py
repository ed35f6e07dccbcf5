"""Metrics, traces and structured logs; what records them imports no exporter."""
