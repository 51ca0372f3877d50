"""Samples from files: what is taken, and what is refused with its line."""

import gzip
from pathlib import Path

import pytest

from mainstay.change.releases.samples import SamplesError, read

pytestmark = pytest.mark.once
HEAD = "time,service,instance,metric,value\n"


def written(path: Path, text: str | bytes) -> Path:
    file = path / "samples.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize(
    "time",
    [
        "2026-03-01T14:05:00Z",
        "2026-03-01T15:05:00+01:00",
        "2026-03-01 14:05:00",
        "1772373900",
        "1772373900.0",
        "1772373900000",
        "1772373900000000",
        "1772373900000000000",
    ],
)
def test_times_as_people_write_them(tmp_path: Path, time: str) -> None:
    found = read(written(tmp_path, f"{HEAD}{time},checkout,c-1,latency,0.25\n"))
    assert found.rows() == [(1772373900.0, "checkout", "c-1", "latency", 0.25)]


def test_columns_in_any_order_with_more_beside_and_gzipped(tmp_path: Path) -> None:
    text = '\ufeffValue,extra,metric,instance,service,time\n5,x,"a{b=""c,d""}",,s,1000\n'
    found = read(written(tmp_path, gzip.compress(text.encode())))
    assert found.rows() == [(1000.0, "s", "", 'a{b="c,d"}', 5.0)]


def test_what_is_no_number_is_left_out(tmp_path: Path) -> None:
    rows = "".join(f"1000,s,i,m,{value}\n" for value in ("NaN", "", "+Inf", "-inf", "2e3"))
    assert read(written(tmp_path, HEAD + rows))["value"].to_list() == [2000.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty; the first line must name time"),
        ("time,service,metric,value\n1,s,m,2\n", "line 1: no column 'instance'"),
        (HEAD + "1000,s,i,m,1\n1000,s,i,m,fast\n", "line 3: 'fast' is no number"),
        (HEAD + "1000,s,i,m,1\nmorning,s,i,m,1\n", "line 3: the time 'morning' cannot be read: write 2026"),
        (HEAD + "1000,s,i,m,1\n1000,,i,m,1\n", "line 3: no service"),
        (HEAD + "1000,s,i,m,1\n1000,s,i,,1\n", "line 3: no metric"),
        (HEAD + "1000,s,i,m{a,b},1\n", "line 2: 6 fields where the first line has 5"),
        (HEAD + '1000,s,"i,m,1\n', "line 2: "),
        (HEAD.encode() + b"1000,s,i,\xff\xfe,1\n", "is not UTF-8 text"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(SamplesError, match="samples.csv") as told:
        read(written(tmp_path, text))
    assert said in str(told.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SamplesError, match="there is no such file"):
        read(tmp_path / "none.csv")
