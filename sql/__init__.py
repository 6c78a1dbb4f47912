"""The SQL that Lakeshift runs, as files of the Redshift dialect."""
