"""Lists and exports as documents: kept whole, and written by one owner at a time."""

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from pymongo.database import Database

from dialer.adapters.mongo import Document
from dialer.adapters.papers import MongoExports, MongoLists
from dialer.contact_list import Place, sheet_of
from dialer.lifecycle import State
from dialer.list_records import Counts, Export, ExportKind, ExportState, ListState, ListSum, UploadedList
from tests.adapters.racing import in_threads

LEASE = timedelta(minutes=1)
ODD = "$phone"  # what would turn into a field if it were read as one


@pytest.fixture(params=["list", "export"])
def paper(request: pytest.FixtureRequest, database: Database[Document]) -> tuple[Any, Any, Any]:
    """Its store, one paper in it, and the same paper at its end."""
    if request.param == "list":
        lists, new = MongoLists(database["lists"]), UploadedList(id="p", campaign_id="c", name=ODD, region="US")
        lists.begin(new)
        return lists, new, replace(new, state=ListState.READ)
    exports, export = MongoExports(database["exports"]), Export(id="p", campaign_id="c", kind=ExportKind.CALLS)
    exports.begin(export)
    return exports, export, replace(export, state=ExportState.WRITTEN)


def test_a_paper_is_found_as_it_was_begun(paper: tuple[Any, Any, Any]) -> None:
    papers, new, _ = paper
    found = papers.find("p")
    assert found.made_at is not None
    assert replace(found, made_at=None) == new
    assert papers.find("another") is None


def test_a_list_is_kept_with_all_that_the_next_run_needs(database: Database[Document]) -> None:
    lists = MongoLists(database["lists"])
    lists.begin(UploadedList(id="p", campaign_id="c"))
    lists.own("p", owner="me", lease=LEASE)
    read = UploadedList(
        id="p",
        campaign_id="c",
        name=ODD,
        state=ListState.READING,
        reason=ODD,
        size=9,
        version='"etag"',
        sheet=sheet_of(BytesIO("phone;$odd;a.b;\n".encode("utf-16"))),
        place=Place(offset=7, line=3),
        counts=Counts(rows=6, added=1, updated=2, known=1, repeated=1, rejected=1),
        rejects=("one", "two"),
    )
    assert lists.write(read, owner="me")
    assert replace(lists.find("p") or read, made_at=None) == read


def test_an_export_is_kept_with_all_that_the_next_run_needs(database: Database[Document]) -> None:
    exports = MongoExports(database["exports"])
    exports.begin(Export(id="p", campaign_id="c", kind=ExportKind.LISTS))
    exports.own("p", owner="me", lease=LEASE)
    half = Export(
        id="p",
        campaign_id="c",
        kind=ExportKind.LISTS,
        upload=ODD,
        parts=("one", "two"),
        behind="+12125550100",
        rows=7,
        sums={"": ListSum(), ODD: ListSum(states={State.DONE: 2, State.PENDING: 1}, attempts=5, answered=2)},
        unsent=f"{ODD}\r\n",
    )
    assert exports.write(half, owner="me")
    assert replace(exports.find("p") or half, made_at=None) == half


def test_an_export_of_a_version_that_kept_no_sums_goes_on(database: Database[Document]) -> None:
    exports, export = MongoExports(database["exports"]), Export(id="p", campaign_id="c", kind=ExportKind.CALLS)
    exports.begin(export)
    database["exports"].update_one({"_id": "p"}, {"$unset": {"sums": "", "unsent": ""}})
    assert exports.own("p", owner="me", lease=LEASE)
    assert replace(exports.find("p") or export, made_at=None) == export


def test_one_at_a_time_owns_a_paper(paper: tuple[Any, Any, Any]) -> None:
    papers, _, _ = paper
    owners = in_threads(lambda n: papers.own("p", owner=f"owner {n}", lease=LEASE) is not None, range(8))
    assert sum(owners) == 1


def test_a_paper_is_free_when_its_owner_lets_go_or_its_lease_is_over(paper: tuple[Any, Any, Any]) -> None:
    papers, _, _ = paper
    assert papers.own("p", owner="one", lease=LEASE)
    assert papers.own("p", owner="two", lease=LEASE) is None
    papers.let_go("p", owner="two")  # it is not theirs to let go
    assert papers.own("p", owner="two", lease=LEASE) is None
    papers.let_go("p", owner="one")
    assert papers.own("p", owner="two", lease=timedelta(0))
    assert papers.own("p", owner="three", lease=LEASE)


def test_a_late_owner_writes_nothing(paper: tuple[Any, Any, Any]) -> None:
    papers, new, over = paper
    papers.own("p", owner="late", lease=timedelta(0))
    papers.own("p", owner="next", lease=LEASE)
    assert not papers.write(over, owner="late")
    assert papers.find("p").state == new.state
    assert papers.write(over, owner="next")


def test_what_is_over_has_its_end_and_nobody_owns_it_again(paper: tuple[Any, Any, Any]) -> None:
    papers, _, over = paper
    papers.own("p", owner="one", lease=timedelta(0))
    assert papers.write(over, owner="one")
    assert papers.find("p").ended_at >= papers.find("p").made_at
    assert papers.own("p", owner="two", lease=LEASE) is None


def test_what_is_kept_of_some_campaigns_is_found_until_it_is_removed(paper: tuple[Any, Any, Any]) -> None:
    papers, one, _ = paper
    other, elsewhere = replace(one, id="q", campaign_id="d"), replace(one, id="r", campaign_id="e")
    for each in (one, other, elsewhere):
        papers.begin(each)
    assert {each.id for each in papers.kept_of(["c", "d"])} == {"p", "q"}
    papers.note_removed(["q"])
    assert {each.id for each in papers.kept_of(["c", "d"])} == {"p"}
    assert (papers.find("q").removed, papers.find("p").removed, papers.kept_of([])) == (True, False, [])


def test_a_list_that_is_over_is_told_whatever_its_columns_would_mean_now(database: Database[Document]) -> None:
    lists = MongoLists(database["lists"])
    lists.begin(UploadedList(id="p", campaign_id="mine"))
    header = {"encoding": "utf-8", "delimiter": ",", "header": ["phone", "Language", "language"], "begins": {}}
    database["lists"].update_one({"_id": "p"}, {"$set": {"sheet": header, "state": "read"}})
    assert [one.id for one in lists.of_campaign("mine", limit=None)] == ["p"]
    assert [one.id for one in lists.kept_of(["mine"])] == ["p"]


def test_the_lists_of_a_campaign_come_newest_first(database: Database[Document]) -> None:
    lists = MongoLists(database["lists"])
    for name in ("a", "b", "c"):
        lists.begin(UploadedList(id=name, campaign_id="mine"))
        lists.begin(UploadedList(id=f"other {name}", campaign_id="another"))
        database["lists"].update_one({"_id": name}, [{"$set": {"made_at": {"$add": ["$$NOW", ord(name)]}}}])
    assert [one.id for one in lists.of_campaign("mine", limit=2)] == ["c", "b"]
    assert [one.id for one in lists.of_campaign("mine", limit=None)] == ["c", "b", "a"]
