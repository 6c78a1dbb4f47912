"""What the host's role may do for the stocks pipeline, asked of its policies with the places of the settings."""

from __future__ import annotations

import pytest
from cloudformation import resources
from role_policies import listed, may, statements

from pipeline.stocks import PublishedStockData

SOURCE = "s3://bucket/inbox/stocks"
PUBLISHED = f"{SOURCE}/{PublishedStockData.path}"


@pytest.mark.parametrize("action", ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"])
def test_what_is_published_is_written_and_its_label_replaced(action):
    assert may("Role", action, PUBLISHED)
    assert may("Role", action, f"{PUBLISHED}.json")


def test_the_source_is_read_and_never_written():
    for path in ("Stocks/a.us.txt", "CompanyNames/top_companies.txt"):
        assert may("Role", "s3:GetObject", f"{SOURCE}/{path}")
        assert not may("Role", "s3:PutObject", f"{SOURCE}/{path}")
        assert not may("Role", "s3:DeleteObject", f"{SOURCE}/{path}")


def test_in_the_monitored_bucket_only_claims_are_written_and_only_in_this_account():
    of_markers = [one for one in statements("Role") if "${Monitored}" in str(one["Resource"])]
    writes = [one for one in of_markers if "s3:PutObject" in listed(one["Action"])]

    assert [one["Resource"]["Fn::Sub"].partition("}:s3:::")[2] for one in writes] == ["${Monitored}/_claims/stocks/*"]
    assert all("aws:ResourceAccount" in one["Condition"]["StringEquals"] for one in of_markers)


def test_the_host_tells_the_topic_by_the_way_that_there_is():
    [tells] = [one for one in statements("Role") if one["Action"] == "sns:Publish"]
    endpoint = dict(resources("AWS::EC2::VPCEndpoint"))["Sns"]["PolicyDocument"]["Statement"]

    assert tells["Resource"] == {"Ref": "Topic"}
    assert [one["Action"] for one in endpoint] == ["sns:Publish"]
