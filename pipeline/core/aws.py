"""What Amazon's services answer when they do not do what was asked, as errors of ours."""

from __future__ import annotations

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, NoCredentialsError, NoRegionError

from pipeline.core.errors import PipelineError, SettingError, SourceUnavailable

AWAY = (ConnectionError, HTTPClientError)
THEIR_FAULT = 500


def explained(error: Exception, what: str, again: str = "Run it again.") -> PipelineError:
    """Return what an error of boto3 means for what was asked: try again, as `again` says, or look at the settings."""
    text = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, AWAY):
        return SourceUnavailable(f"{what}: AWS cannot be reached. {text}")
    if isinstance(error, NoCredentialsError):
        return SettingError(f"{what}: there are no AWS credentials. Give this process a role, or AWS_PROFILE.")
    if isinstance(error, NoRegionError):
        return SettingError(f"{what}: in which region? Set [lake] region, or AWS_DEFAULT_REGION.")
    if not isinstance(error, ClientError):
        return SettingError(f"{what}: {text}")
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= THEIR_FAULT or is_throttled(error):
        return SourceUnavailable(f"{what}: {text}. {again}")
    return SettingError(f"{what}: {text}. Look at the setting, and at what the role of this process may do.")


def is_throttled(error: ClientError) -> bool:
    """Say whether a service did nothing because it was asked too often."""
    return "Throttl" in error.response.get("Error", {}).get("Code", "")
