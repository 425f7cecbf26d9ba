"""The laboratory around the smoke-train: kept runs and their index, and sweeps over designs and settings."""
