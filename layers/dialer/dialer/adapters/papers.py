"""Lists and exports as documents, each written by whoever owns it for a while."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection

from dialer.adapters.contact_documents import from_now
from dialer.adapters.mongo import Document, available, literal
from dialer.columns import columns_of
from dialer.contact_list import Place, Sheet
from dialer.lifecycle import State
from dialer.list_records import Counts, Export, ExportKind, ExportState, ListState, ListSum, UploadedList

_OF_CAMPAIGN = "of_campaign"


class _Owned:
    """Documents with an owner: one at a time, by the database's clock, and nobody else's writing counts."""

    def __init__(self, papers: Collection[Document]) -> None:
        self._papers = papers

    def insert(self, document: Document) -> None:
        with available():
            self._papers.create_index([("campaign_id", 1), ("made_at", -1)], name=_OF_CAMPAIGN)
            made = {**{name: literal(value) for name, value in document.items() if name != "_id"}, "made_at": "$$NOW"}
            self._papers.update_one({"_id": document["_id"]}, [{"$set": made}], upsert=True)

    def get(self, paper_id: str) -> Document | None:
        with available():
            return self._papers.find_one({"_id": paper_id})

    def newest(self, campaign_id: str, limit: int | None) -> list[Document]:
        with available():
            found = self._papers.find(
                {"campaign_id": campaign_id}, sort=[("made_at", -1)], limit=limit or 0, hint=_OF_CAMPAIGN
            )
            return list(found)

    def kept_of(self, campaign_ids: Iterable[str]) -> list[Document]:
        wanted = {"campaign_id": {"$in": sorted(campaign_ids)}, "removed": {"$ne": True}}
        with available():
            return list(self._papers.find(wanted))

    def note_removed(self, paper_ids: Iterable[str]) -> None:
        with available():
            self._papers.update_many(
                {"_id": {"$in": sorted(paper_ids)}}, {"$set": {"removed": True}, "$unset": {"unsent": ""}}
            )

    def own(self, paper_id: str, *, states: Sequence[str], owner: str, lease: timedelta) -> Document | None:
        nobodys = {"$not": [{"$gt": ["$owned_until", "$$NOW"]}]}
        with available():
            return self._papers.find_one_and_update(
                {"_id": paper_id, "state": {"$in": list(states)}, "$expr": nobodys},
                [{"$set": {"owner": literal(owner), "owned_until": from_now(lease)}}],
                return_document=ReturnDocument.AFTER,
            )

    def write(self, document: Document, *, owner: str, ended: bool) -> bool:
        told: Document = {name: literal(value) for name, value in document.items() if name not in {"_id", "made_at"}}
        if ended:
            told["ended_at"] = "$$NOW"
        with available():
            return (
                self._papers.update_one({"_id": document["_id"], "owner": owner}, [{"$set": told}]).matched_count == 1
            )

    def let_go(self, paper_id: str, *, owner: str) -> None:
        with available():
            self._papers.update_one({"_id": paper_id, "owner": owner}, {"$unset": {"owner": "", "owned_until": ""}})


class MongoLists:
    """Uploaded lists."""

    def __init__(self, lists: Collection[Document]) -> None:
        self._owned = _Owned(lists)

    def begin(self, uploaded: UploadedList) -> None:
        self._owned.insert(_of_list(uploaded))

    def find(self, list_id: str) -> UploadedList | None:
        document = self._owned.get(list_id)
        return _list_of(document) if document else None

    def of_campaign(self, campaign_id: str, *, limit: int | None) -> Sequence[UploadedList]:
        return [_list_of(document) for document in self._owned.newest(campaign_id, limit)]

    def kept_of(self, campaign_ids: Iterable[str]) -> Sequence[UploadedList]:
        return [_list_of(document) for document in self._owned.kept_of(campaign_ids)]

    def note_removed(self, list_ids: Iterable[str]) -> None:
        self._owned.note_removed(list_ids)

    def own(self, list_id: str, *, owner: str, lease: timedelta) -> UploadedList | None:
        document = self._owned.own(list_id, states=[ListState.AWAITED, ListState.READING], owner=owner, lease=lease)
        return _list_of(document) if document else None

    def write(self, uploaded: UploadedList, *, owner: str) -> bool:
        return self._owned.write(_of_list(uploaded), owner=owner, ended=not uploaded.open)

    def let_go(self, list_id: str, *, owner: str) -> None:
        self._owned.let_go(list_id, owner=owner)


class MongoExports:
    """Exports."""

    def __init__(self, exports: Collection[Document]) -> None:
        self._owned = _Owned(exports)

    def begin(self, export: Export) -> None:
        self._owned.insert(_of_export(export))

    def find(self, export_id: str) -> Export | None:
        document = self._owned.get(export_id)
        return _export_of(document) if document else None

    def kept_of(self, campaign_ids: Iterable[str]) -> Sequence[Export]:
        return [_export_of(document) for document in self._owned.kept_of(campaign_ids)]

    def note_removed(self, export_ids: Iterable[str]) -> None:
        self._owned.note_removed(export_ids)

    def own(self, export_id: str, *, owner: str, lease: timedelta) -> Export | None:
        document = self._owned.own(export_id, states=[ExportState.WRITING], owner=owner, lease=lease)
        return _export_of(document) if document else None

    def write(self, export: Export, *, owner: str) -> bool:
        return self._owned.write(_of_export(export), owner=owner, ended=export.state is ExportState.WRITTEN)

    def let_go(self, export_id: str, *, owner: str) -> None:
        self._owned.let_go(export_id, owner=owner)


def _of_list(uploaded: UploadedList) -> Document:
    sheet = uploaded.sheet
    return {
        "_id": uploaded.id,
        "campaign_id": uploaded.campaign_id,
        "name": uploaded.name,
        "region": uploaded.region,
        "state": str(uploaded.state),
        "reason": uploaded.reason,
        "size": uploaded.size,
        "version": uploaded.version,
        "sheet": sheet and {
            "encoding": sheet.encoding,
            "delimiter": sheet.delimiter,
            "header": list(sheet.columns.names),
            "begins": asdict(sheet.begins),
        },
        "place": asdict(uploaded.place),
        "counts": asdict(uploaded.counts),
        "rejects": list(uploaded.rejects),
    }  # fmt: skip


def _list_of(document: Document) -> UploadedList:
    return UploadedList(
        id=document["_id"],
        campaign_id=document["campaign_id"],
        name=document["name"],
        region=document["region"],
        state=ListState(document["state"]),
        reason=document["reason"],
        size=document["size"],
        version=document["version"],
        sheet=_sheet_of(document["sheet"]) if document["state"] == ListState.READING else None,
        place=Place(**document["place"]),
        counts=Counts(**document["counts"]),
        rejects=tuple(document["rejects"]),
        made_at=document["made_at"],
        ended_at=document.get("ended_at"),
        removed=document.get("removed", False),
    )


def _sheet_of(kept: Any) -> Sheet | None:
    if kept is None:
        return None
    return Sheet(
        encoding=kept["encoding"],
        delimiter=kept["delimiter"],
        columns=columns_of(kept["header"]),
        begins=Place(**kept["begins"]),
    )


def _of_export(export: Export) -> Document:
    return {
        "_id": export.id,
        "campaign_id": export.campaign_id,
        "kind": str(export.kind),
        "state": str(export.state),
        "upload": export.upload,
        "parts": list(export.parts),
        "behind": export.behind,
        "unsent": export.unsent,
        "rows": export.rows,
        "sums": [{"list": list_id, **asdict(one)} for list_id, one in export.sums.items()],
    }


def _export_of(document: Document) -> Export:
    return Export(
        id=document["_id"],
        campaign_id=document["campaign_id"],
        kind=ExportKind(document["kind"]),
        state=ExportState(document["state"]),
        upload=document["upload"],
        parts=tuple(document["parts"]),
        behind=document["behind"],
        unsent=document.get("unsent", ""),
        rows=document["rows"],
        sums={one["list"]: _sum_of(one) for one in document.get("sums", ())},
        made_at=document["made_at"],
        ended_at=document.get("ended_at"),
        removed=document.get("removed", False),
    )


def _sum_of(kept: Document) -> ListSum:
    states = {State(state): contacts for state, contacts in kept["states"].items()}
    return ListSum(states=states, attempts=kept["attempts"], answered=kept["answered"])
