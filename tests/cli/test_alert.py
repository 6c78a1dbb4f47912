"""`lakeshift alert` sends a message as a run would, or says why it cannot."""

from fixtures_mail import inbox  # noqa: F401


def test_a_message_is_sent_to_the_topic(lakeshift, settings, inbox, ministack, monkeypatch):  # noqa: F811
    settings("alerts", "sns_topic_arn", inbox.topic)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", ministack)

    done = lakeshift("alert")

    [(subject, body)] = inbox.read()
    assert (done.code, subject) == (0, "lakeshift_Pipeline_Test")
    assert body.startswith("This was sent by lakeshift alert; nothing has run.\nHost: ")
    assert done.out.splitlines()[0] == f"Sent to {inbox.topic}: lakeshift_Pipeline_Test"


def test_a_topic_that_does_not_take_it_is_one_line(lakeshift, settings, inbox, monkeypatch):  # noqa: F811
    settings("alerts", "sns_topic_arn", inbox.topic)
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:9")

    done = lakeshift("alert")

    [line] = done.err.splitlines()
    assert (done.code, done.out) == (1, "")
    assert line.startswith(f"lakeshift_Pipeline_Test could not be sent to {inbox.topic}: AWS cannot be reached. ")


def test_without_a_topic_it_says_which_setting_names_one(lakeshift):
    done = lakeshift("alert")

    assert (done.code, "[alerts] sns_topic_arn is not set" in done.err) == (1, True)
