"""A small object store with conditional puts: a local folder, or S3."""

from pipeline.core import config
from pipeline.core.store.base import Found, Listed, Store, Upload
from pipeline.core.store.conditions import refuse_unconditional

__all__ = ["Found", "Listed", "Store", "Upload", "open_store", "refuse_unconditional"]


def open_store(root: str, setting: str = "[lake] root") -> Store:
    """Return the store at a folder or at s3://bucket/prefix, with the endpoint and region of [lake].

    setting is what names the root in luigi.cfg.
    """
    # Imported when needed: s3fs alone takes longer to import than the rest of the program.
    if root.startswith("s3://"):
        from pipeline.core.store.s3 import S3Store

        settings = config.lake()
        return S3Store(root, settings.endpoint_url, settings.region, setting)
    from pipeline.core.store.local import LocalStore

    return LocalStore(root)
