"""The database client: what every write asks for, and what is never shown."""

from datetime import UTC, timedelta
from traceback import format_exception

import pytest
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from dialer.adapters.mongo import Document, available, connect, database_clock, linearizable
from dialer.errors import BadSettings, Unavailable
from dialer.secret import Secret
from tests.adapters.conftest import Connect
from tests.adapters.tcp_proxy import Fate, TcpProxy
from tests.builders import now


@pytest.mark.parametrize(
    "weaker",
    ["w=0", "w=1&journal=false", "readConcernLevel=local", "retryWrites=false", "readPreference=secondaryPreferred"],
)
def test_every_write_asks_a_majority_and_the_journal_whatever_the_address_says(mongodb_uri: str, weaker: str) -> None:
    joint = "&" if "?" in mongodb_uri else "/?"
    database = connect(Secret(f"{mongodb_uri}{joint}{weaker}" if weaker else mongodb_uri), "any")
    with database.client as client:
        assert database["contacts"].write_concern == WriteConcern("majority", j=True)
        assert database["contacts"].read_concern == ReadConcern("majority")
        assert database["contacts"].read_preference == ReadPreference.PRIMARY
        assert linearizable(database["contacts"]).read_concern == ReadConcern("linearizable")
        assert client.options.retry_writes
        assert client.options.timeout == 5.0
        assert client.options.pool_options.max_pool_size == 10


def test_moments_come_back_with_their_zone(database: Database[Document]) -> None:
    moment = now()
    database["moments"].insert_one({"at": moment})
    found = database["moments"].find_one() or {}
    assert found["at"] == moment
    assert found["at"].utcoffset() == timedelta(0)


def test_the_database_s_clock_is_the_server_s(database: Database[Document]) -> None:
    before = now()
    assert before <= database_clock(database).astimezone(UTC) <= now()


@pytest.mark.parametrize(
    "uri", ["", "opensesame", "http://opensesame", "mongodb://", "mongodb://u:opensesame@h:port/", "mongodb://h:port"]
)
def test_an_address_that_is_none_is_a_setting_to_fix_and_is_not_shown(uri: str) -> None:
    secret = Secret(uri)
    with pytest.raises(BadSettings, match="MONGODB_URI_PARAMETER") as wrong:
        connect(secret, "any")
    assert "opensesame" not in "".join(format_exception(wrong.value))


def test_a_database_that_breaks_off_is_unavailable_by_the_kind_of_error_alone(wire: TcpProxy, joined: Connect) -> None:
    contacts = joined(wire.uri, timeout_ms=400)["contacts"]
    wire.strike("find", Fate.LOSE_REPLY)
    with pytest.raises(Unavailable) as wrong, available():
        contacts.find_one({"_id": "+12015550100"})
    assert "127.0.0.1" not in str(wrong.value)
    assert "+1201" not in str(wrong.value)
