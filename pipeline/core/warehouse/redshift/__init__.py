"""Amazon Redshift: the connection, its logins, its limits and its errors."""

from pipeline.core.warehouse.redshift.warehouse import RedshiftWarehouse

__all__ = ["RedshiftWarehouse"]
