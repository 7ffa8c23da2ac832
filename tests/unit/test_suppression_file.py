"""A file of suppressions: whoever it names before it breaks is read, and each row says where it holds."""

import io
import json
from pathlib import Path

import pytest

from cli.errors import Misused
from cli.suppression_file import Row, opened, parts

PEOPLE = [f"+1212555{number:04}" for number in range(2500)]


def a_file(folder: Path, content: str | bytes) -> Path:
    path = folder / "never.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path) -> tuple[list[Row], str]:
    """All that comes, and how it ends."""
    rows: list[Row] = []
    with opened(path) as stream:
        try:
            for part in parts(stream):
                rows += part
        except Misused as broken:
            return rows, str(broken)
    return rows, ""


def phones(rows: list[Row]) -> list[str]:
    return [row.said["phone"] for row in rows]


@pytest.mark.parametrize("before", [0, 1, 3, 999, 1000, 1001, 2400])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_whoever_stands_before_a_bad_byte_is_read_and_its_line_is_named(tmp_path: Path, before: int, end: str) -> None:
    lines = [*PEOPLE[:before], "+12125559999,Zo\xeb", *PEOPLE[before:]]
    rows, ending = read(a_file(tmp_path, end.join(lines).encode("latin-1")))
    assert phones(rows) == PEOPLE[:before]
    assert ending.startswith(f"Line {before + 1} is not CSV in UTF-8: only what stands before it has been read.")


def test_whoever_stands_before_a_line_that_is_no_csv_is_read_and_the_line_is_named(tmp_path: Path) -> None:
    too_long = f'{PEOPLE[3]},"{"x" * 1_000_001}"'
    rows, ending = read(a_file(tmp_path, "\n".join([*PEOPLE[:3], too_long, *PEOPLE[4:8]])))
    assert phones(rows) == PEOPLE[:3]
    assert ending.startswith("Line 4 is not CSV")


def test_a_file_is_read_in_parts_and_each_row_knows_its_line(tmp_path: Path) -> None:
    with opened(a_file(tmp_path, "\n\n".join(["phone", *PEOPLE]))) as stream:
        sent = list(parts(stream))
    assert [len(part) for part in sent] == [1000, 1000, 500]
    assert [(row.line, row.said) for row in sent[2][-1:]] == [(5001, {"phone": PEOPLE[-1]})]


def test_a_part_of_long_rows_is_no_larger_than_the_api_takes(tmp_path: Path) -> None:
    """Letters of other alphabets are six bytes each in the request."""
    rows = [f"{phone},{'Ж' * 200}" for phone in PEOPLE[:1500]]
    with opened(a_file(tmp_path, "\n".join(["phone,reason", *rows]))) as stream:
        sent = list(parts(stream))
    assert max(len(json.dumps([row.said for row in part])) for part in sent) < 950_000
    assert phones([row for part in sent for row in part]) == PEOPLE[:1500]


def test_each_row_says_its_own_scope_source_reason_and_moment(tmp_path: Path) -> None:
    """As an export has them, whose columns may stand in any order behind the first."""
    content = """hash,at,Scope,note,reason,source
    0a,2025-03-01T09:30:00Z,purpose:survey,x,opted out on a call,keypress
    0b,,,x,,
    0c
    """
    rows, _ = read(a_file(tmp_path, content))
    assert [row.said for row in rows] == [
        {
            "phone": "0a", "at": "2025-03-01T09:30:00Z", "scope": "purpose:survey", "reason": "opted out on a call",
            "source": "keypress",
        },
        {"phone": "0b"},
        {"phone": "0c"},
    ]  # fmt: skip
    assert [row.left_out for row in rows] == [[], [], []]


def test_without_a_header_only_the_first_column_is_read(tmp_path: Path) -> None:
    rows, _ = read(a_file(tmp_path, f"{PEOPLE[0]},global,import\n"))
    assert [row.said for row in rows] == [{"phone": PEOPLE[0]}]


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("at", "03/01/2025"), ("at", "2025-03-01T09:30:00"), ("at", "1025-03-01T09:30:00Z"), ("source", "list 7"),
        ("source", "x" * 41), ("reason", "called 12125550100"), ("reason", "x" * 201),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_of_a_row_is_left_out_and_the_person_is_not(tmp_path: Path, column: str, cell: str) -> None:
    rows, _ = read(a_file(tmp_path, f"phone,{column}\n{PEOPLE[0]},{cell}\n"))
    assert [(row.said, row.left_out) for row in rows] == [({"phone": PEOPLE[0]}, [column])]


def test_a_scope_is_never_left_out(tmp_path: Path) -> None:
    """The API refuses the row by name: without its scope nobody knows who must not call."""
    rows, _ = read(a_file(tmp_path, f"phone,scope\n{PEOPLE[0]},gossip\n"))
    assert [(row.said, row.left_out) for row in rows] == [({"phone": PEOPLE[0], "scope": "gossip"}, [])]


def test_a_header_that_names_a_scope_twice_is_refused() -> None:
    with pytest.raises(Misused, match="twice: scope"):
        list(parts(io.StringIO("phone,scope,scope\n")))


@pytest.mark.parametrize(
    "header", ["name,phone", "name, Phone ,scope", "id,hash", ",number", "Name,Mobile", "id2,phone"]
)
def test_a_header_with_the_phone_in_another_column_is_refused(header: str) -> None:
    with pytest.raises(Misused, match="put the phone first"):
        list(parts(io.StringIO(f"{header}\nAnn,{PEOPLE[0]}\n")))


def test_a_file_without_a_header_may_say_in_its_first_line_where_it_comes_from() -> None:
    (row,) = next(parts(io.StringIO(f"{PEOPLE[0]},global,phone\n")))
    assert (row.said, row.bad) == ({"phone": PEOPLE[0]}, "")


@pytest.mark.parametrize("header", ["phone;name", "name;phone", '"name";"phone"', "name\tphone", "phone|a,b"])
def test_a_header_without_commas_is_refused(header: str) -> None:
    with pytest.raises(Misused, match="not separated by commas"):
        list(parts(io.StringIO(f"{header}\n{PEOPLE[0]};Ann\n")))


def test_a_row_with_an_empty_first_column_is_not_passed_over_and_a_blank_one_is(tmp_path: Path) -> None:
    rows, _ = read(a_file(tmp_path, f",{PEOPLE[0]}\n , \n\n{PEOPLE[1]}\n"))
    assert [(row.line, bool(row.bad)) for row in rows] == [(1, True), (4, False)]


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Misused, match="cannot be read: No such file"):
        opened(tmp_path / "nothing.csv")
