"""Lines as columns: what a record says of itself goes before what its origin says."""

import orjson

from mainstay.observe.logs import frame
from mainstay.observe.logs.lines import Lines, Origin


def test_attributes_of_a_record_go_before_those_of_its_origin() -> None:
    origin = Origin("shop", "s", "test", {"zone": "a", "host": "h"})
    found = frame.from_lines(Lines([origin], [0, 0], ["x", "y"], attributes=[{"zone": "b"}, None]))
    first, second = found["attributes"]
    assert first == '{"zone":"b","zone":"a","host":"h"}'
    assert orjson.loads(second) == {"zone": "a", "host": "h"}


def test_numbers_of_lines_rise_and_are_unique() -> None:
    parts = [
        frame.complete(frame.from_lines(Lines([Origin()], [0] * 3, ["a", "b", "c"])), 1_767_225_600_000, 14)["id"]
        for _ in range(3)
    ]
    numbers = [number for part in parts for number in part]
    assert numbers == sorted(set(numbers))
