"""Tries where the ends of runs are told."""

from __future__ import annotations

from pipeline.cli.console import say
from pipeline.core.errors import PipelineError


def alert() -> None:
    """Send a message to the topic that is told how runs end, to try it before the night."""
    from pipeline.core import alerts, config

    topic = config.alerts().sns_topic_arn
    if not topic:
        raise PipelineError(
            "[alerts] sns_topic_arn is not set, so how runs end is in the log alone. Set it to the ARN of a topic."
        )
    subject = alerts.publish(alerts.Alert("test", ("This was sent by lakeshift alert; nothing has run.",)))
    say(f"Sent to {topic}: {subject}")
    say("If it does not arrive: who subscribed has to confirm it, by the link that the topic sent them then")
