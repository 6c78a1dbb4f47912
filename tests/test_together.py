"""External partitions of a range are set together."""

import re

PARTITIONS = ("RangeDaily", "--of", "UserPurchasePartition", "--start", "2010-12-01", "--stop", "2010-12-13")
LOCATIONS = "SELECT \"values\", location FROM svv_external_partitions WHERE tablename = 'user_purchase_staging'"


def test_the_external_partitions_of_a_range_are_set_together(project):
    project.given_purchases("1,A,LANTERN,6,2010-12-01 08:26:00,2.55,17850.0,EIRE")

    made, again = (project.luigi(*PARTITIONS, "--workers", "3") for _ in range(2))

    assert "24 made, 0 already there, 0 failed" in made.lines[-1], made.output
    days = re.findall(r"made     UserPurchasePartition (\S+): points at attempt \S+", made.output)
    assert (len(days), len(set(days))) == (12, 12)
    assert re.search(r"UserPurchasePartition\(date=\S+\+", project.log)
    assert again.output.startswith("Nothing to do")
    assert len(project.query(LOCATIONS)) == 12
