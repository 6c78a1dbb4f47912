"""What EMR runs for Lakeshift: steps as data."""
