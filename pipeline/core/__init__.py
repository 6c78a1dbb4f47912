"""What the pipelines are made of; nothing here knows a pipeline."""
