"""Tries where the ends of runs are told."""

from __future__ import annotations

from typing import Any

from pipeline.cli.console import say
from pipeline.cli.output import answers
from pipeline.core.errors import PipelineError


def _show(sent: dict[str, Any]) -> None:
    say(f"Sent to {sent['topic']}: {sent['subject']}")
    say("If it does not arrive: who subscribed has to confirm it, by the link that the topic sent them then")


@answers(_show)
def alert() -> dict[str, Any]:
    """Send a message to the topic that is told how runs end, to try it before the night."""
    from pipeline.core import alerts, config

    topic = config.alerts().sns_topic_arn
    if not topic:
        raise PipelineError(
            "[alerts] sns_topic_arn is not set, so how runs end is in the log alone. Set it to the ARN of a topic."
        )
    subject = alerts.publish(alerts.Alert("test", ("This was sent by lakeshift alert; nothing has run.",)))
    return {"topic": topic, "subject": subject}
