"""Runs jobs as steps of an EMR cluster, once each: the steps as data, the ledger, the runner."""
