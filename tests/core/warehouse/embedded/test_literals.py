"""The value of a parameter comes back equal, and is what it was: data, and never a part of the statement."""

import datetime
import subprocess
import sys
from decimal import Decimal

import pytest
from fixtures_warehouse import DAY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.core.errors import PipelineError

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")) | st.text("'\"%\\\n;-$(){}aé\u2028")
WHOLE_NUMBERS = st.integers(-(2**63), 2**63 - 1)
AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**18), max_value=10**18, places=5)
VALUES = (
    st.none()
    | st.booleans()
    | WHOLE_NUMBERS
    | AMOUNTS
    | TEXTS
    | st.dates()
    | st.datetimes()
    | st.floats(allow_nan=False)
)
# What a second run of a complete day does, and then a query of each kind of value.
LOOK = """
import datetime, sys
from decimal import Decimal
from pathlib import Path
from pipeline.core.lake import Partition
from pipeline.core.warehouse.embedded import DuckWarehouse

warehouse = DuckWarehouse(Path(sys.argv[1]))
warehouse.load_state("public.user_behavior_metric", Partition("insert_date", "2010-12-01"))
warehouse.loaded_partitions("public.user_behavior_metric")
warehouse.external_partitions("spectrum.classified_movie_review")
warehouse.query("SELECT %(a)s, %(b)s, %(c)s", {"a": datetime.date(2010, 12, 1), "b": Decimal("1.5"), "c": "x"})
warehouse.query("SELECT * FROM spectrum.classified_movie_review WHERE insert_date = %(a)s", {"a": "2010-12-01"})
print({"pandas", "numpy"} & sys.modules.keys())
"""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, min_size=1, max_size=9))
def test_every_value_comes_back_equal(warehouse, values):
    params = {f"v{number}": value for number, value in enumerate(values)}

    [row] = warehouse.query(f"SELECT {', '.join(f'%({name})s' for name in params)}", params)

    assert list(row) == values
    assert [isinstance(value, bool) for value in row] == [isinstance(value, bool) for value in values]


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        ("%(v)s / 2", 7, 3),
        ("%(v)s / 2", Decimal("7"), 3.5),
        ("2 -%(v)s", -1, 3),
        ("-%(v)s", -1, 1),
        ("%(v)s + 1", DAY, DAY + datetime.timedelta(days=1)),
        ("nvl(%(v)s, 5)", None, 5),
        ("'a' || %(v)s", "'; DROP TABLE x; --", "a'; DROP TABLE x; --"),
    ],
)
def test_a_value_has_its_type(warehouse, expression, value, expected):
    assert warehouse.query(f"SELECT {expression}", {"v": value}) == [(expected,)]


@pytest.mark.parametrize("value", ["a\0b", object(), Decimal("NaN"), b"bytes"])
def test_what_redshift_could_not_be_given_either_is_refused(warehouse, value):
    with pytest.raises(PipelineError, match=r"SELECT %\(v\)s: no value for SQL"):
        warehouse.query("SELECT %(v)s", {"v": value})


def test_values_need_no_pandas_which_takes_a_second_to_import(warehouse):
    found = subprocess.run([sys.executable, "-c", LOOK, str(warehouse.path)], capture_output=True, text=True)

    assert (found.stdout, found.stderr) == ("set()\n", "")
