"""Whatever is in a feed, each good record comes back once, and what is none is refused where it is."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.core.errors import CheckFailed, SourceUnavailable
from pipeline.core.records import Record, Refused, RefusedRows, checked_records, read_text, row_writer

HEADER = ("cid", "review_str")

# What cannot be written as UTF-8, and the NUL that is refused by design, are left out.
text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
rows = st.lists(st.tuples(st.text("0123456789", min_size=1), text), max_size=8)
no_quotes = st.lists(st.tuples(st.text("0123456789", min_size=1), st.text("agod .")), max_size=5)


def read(data: bytes, **limits: int) -> list[Record | Refused]:
    return list(checked_records(read_text(io.BytesIO(data)), HEADER, "feed", **limits))


def written(rows: list[tuple[str, str]]) -> bytes:
    target = io.StringIO(newline="")
    for row in [HEADER, *rows]:
        row_writer(target)(row)
    return target.getvalue().encode()


def good(found: list[Record | Refused]) -> list[tuple[str, ...]]:
    return [tuple(record.fields) for record in found if isinstance(record, Record)]


@given(rows, st.sampled_from(["\n", "\r\n", "\r"]))
def test_whatever_a_csv_writer_writes_comes_back(rows, lineterminator):
    target = io.StringIO(newline="")
    csv.writer(target, lineterminator=lineterminator, quoting=csv.QUOTE_ALL).writerows([HEADER, *rows])

    found = read(target.getvalue().encode())

    assert found == [Record(record.line, list(row)) for record, row in zip(found, rows, strict=True)]


@given(rows)
@example([("1", "a carriage return\ralone")])
def test_whatever_is_copied_comes_back(rows):
    assert good(read(written(rows))) == rows


@given(no_quotes, no_quotes, st.sampled_from([b'17850,"open', b'1,"a"b', b'"', b"\xff,x", b"1,\0", b"1,2,3", b"\0"]))
def test_a_broken_line_in_between_loses_no_good_one(before, after, broken):
    below = written(after).split(b"\n", 1)[1]

    found = read(written(before) + broken + b"\n" + below)

    assert good(found) == before + after
    assert [refused.line for refused in found if isinstance(refused, Refused)] == [len(before) + 2]


def test_only_the_first_line_of_an_unclosed_quote_is_refused():
    found = read(b'cid,review_str\n1,fine\n2,"open\n3,"good, film"\n')

    assert found == [
        Record(2, ["1", "fine"]),
        Refused(3, '2,"open\n', "its quotes do not pair: ',' expected after '\"'"),
        Record(4, ["3", "good, film"]),
    ]


def test_a_quoted_record_with_too_many_fields_is_refused_whole():
    found = read(b'cid,review_str\n1,"two\nlines",x\n2,fine\n')

    assert found == [Refused(2, '1,"two\nlines",x\n', "it has 3 fields, not 2"), Record(4, ["2", "fine"])]


def test_a_byte_that_is_not_utf8_costs_its_whole_record_and_is_shown():
    found = read(b'cid,review_str\n1,"two\nlines \xff"\n2,fine\n')

    assert found == [Refused(2, '1,"two\nlines \\xff"\n', "it is not UTF-8"), Record(4, ["2", "fine"])]


def test_a_nul_byte_is_refused_and_shown():
    [refused] = read(b"cid,review_str\n1,a\0b\n")

    assert refused == Refused(2, "1,a\\x00b\n", "it has a NUL byte")


def test_a_quote_is_looked_for_no_further_than_the_longest_record():
    lines = [b"%d,fine" % number for number in range(100)]

    found = read(b'cid,review_str\n0,"open\n' + b"\n".join(lines), max_characters=50)

    assert len(good(found)) == 100
    assert found[0] == Refused(2, '0,"open\n', "its quotes do not pair: no end within 50 characters")


def test_a_review_may_be_longer_than_what_python_takes_for_a_field():
    assert good(read(written([("1", "good " * 100_000)]))) == [("1", "good " * 100_000)]


def test_a_line_without_end_is_refused_and_not_read_into_memory():
    found = read(b"cid,review_str\n1," + b"x" * 1000 + b"\n2,fine\n", max_characters=50)

    assert [len(found[0].text), found[1]] == [51, Record(3, ["2", "fine"])]


def test_a_byte_order_mark_is_not_part_of_the_header():
    assert good(read(b"\xef\xbb\xbfcid,review_str\n1,fine\n")) == [("1", "fine")]


def test_blank_lines_are_no_records():
    assert read(b"cid,review_str\n\n1,fine\n\r\n\n") == [Record(3, ["1", "fine"])]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_a_source_that_is_not_there_yet(data):
    with pytest.raises(SourceUnavailable, match="feed is empty"):
        read(data)


@pytest.mark.parametrize("data", [b"cid;review_str\n", b"review_str,cid\n1,2\n", b'"cid,review_str\n', b"c\xffd\n"])
def test_another_header_is_named_beside_the_expected_one(data):
    with pytest.raises(CheckFailed, match=r"feed: the header is .*, expected 'cid,review_str'"):
        read(data)


def test_refused_rows_can_be_read_back(tmp_path):
    records = iter(read(b'cid,review_str\n1,"open, \xff\n2,fine\n'))

    with RefusedRows(lambda: (tmp_path / "refused.csv").open("wb")) as refused:
        kept = list(refused.keep_out("feed.csv", records))

    with (tmp_path / "refused.csv").open(newline="") as stream:
        [row] = csv.DictReader(stream)
    assert (good(kept), refused.count) == ([("2", "fine")], 1)
    assert refused.first == f"line 2 of feed.csv: {row['reason']}"
    assert (row["file"], row["line"], row["text"]) == ("feed.csv", "2", '1,"open, \\xff\n')


def test_nothing_is_written_when_nothing_is_refused(tmp_path):
    with RefusedRows(lambda: (tmp_path / "refused.csv").open("wb")) as refused:
        list(refused.keep_out("feed.csv", iter([Record(2, ["1", "fine"])])))

    assert not (tmp_path / "refused.csv").exists()
