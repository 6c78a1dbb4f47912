"""Starts the run of a day for which a marker was uploaded, as a function of AWS Lambda."""
