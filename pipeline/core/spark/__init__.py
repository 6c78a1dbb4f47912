"""Runs the jobs of spark_jobs/ (jobs), in a driver process of the run's own (client, driver, session).

Nothing is imported here: the driver shall start at once.
"""
