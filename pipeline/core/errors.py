"""The family of errors: one line each, told apart by what to do about them."""


class PipelineError(Exception):
    """What failed, which partition, where to look, what to do; on one line."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class SettingError(PipelineError):
    """Look at luigi.cfg: a setting is missing or malformed."""


class SourceUnavailable(PipelineError):
    """Try again: a source, a database or a store did not give what was asked of it."""


class Retryable(SourceUnavailable):
    """Try again at once: what was asked changed nothing, and failed for a reason that passes by itself."""


class JobFailed(PipelineError):
    """Look at the job: it ended badly, and the message names the probable cause."""


class JobThrew(JobFailed):
    """Look at the job: it ran, and failed at what it was given; with less of that it may end well."""


class CheckFailed(PipelineError):
    """Look at the data: it breaks a promise, and nothing of it was committed."""


class CommitLost(PipelineError):
    """Another attempt committed the same partition first, so the work is done."""


def one_line(error: BaseException) -> str:
    """Return what an error says, on one line, with its class in front unless it is one of ours."""
    text = " ".join(str(error).split())
    if isinstance(error, PipelineError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
