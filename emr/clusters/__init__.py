"""Where steps go: a cluster that somebody else keeps, those of a pool, or one of the run's own."""
