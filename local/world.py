"""The whole local world, started and stopped as one: database, AWS with the project on it, voice door, carrier."""

import json
import secrets
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from local import runs
from local.deploy import Deployed, Say, build, client, deploy
from local.environments import ROOT, Refused
from local.ministack import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY, MiniStack, start_ministack
from local.mongod import Mongod, restart, start_mongod
from local.processes import Part, demand_port, free_port, marked, plain_environment, start, sweep

MONGODB_URI_PARAMETER = "/dialer/local/mongodb-uri"
PHONE_HASH_KEY_PARAMETER = "/dialer/local/phone-hash-key"
PHONE_HASH_KEY = "the same in every local world, so that one database may serve several"
TWILIO_AUTH_TOKEN_PARAMETER = "/dialer/local/twilio-auth-token"


CALL_CONCURRENCY = 5  # each is a process of 60 MB here, on two cores


class FunctionFailed(Exception):
    """A function ended with an error, a timeout or a crash; `report` is what AWS would hand back."""

    def __init__(self, function: str, report: dict[str, Any]) -> None:
        super().__init__(f"{function}: {report.get('errorType')}: {report.get('errorMessage')}")
        self.report = report


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a world should be like. The defaults make one that a test can use beside others on the same machine."""

    project: Path = ROOT
    port: int = 0  # of the voice door; 0 takes a free one
    carrier: str | None = None  # the URL of another Twilio-shaped server, instead of the simulator
    mongodb: str | None = None  # the URI of another MongoDB, instead of one of our own
    database: str = "dialer"
    parameters: Mapping[str, str] | None = None  # of the template: rates, bounds
    time_scale: float = 1.0  # real seconds per second of the simulated carrier
    carrier_seed: int = 0
    calls_per_second: int = 10  # that the simulated carrier accepts before it queues
    events_lag: float = 900  # carrier seconds after a call's end before its request log can be read
    auth: bool = True  # every function held to its role
    account_sid: str = "AC" + "0" * 31 + "1"
    auth_token: str = ""  # a fresh one, where empty
    operator: bool = (
        False  # whether the description has an operator's token; else one is made when it is first asked for
    )


class World:
    """`with World(Wish(...)) as world:`; after the block no process and no file of it is left, logs excepted."""

    def __init__(self, wish: Wish | None = None, *, say: Say = lambda _: None) -> None:
        self.wish = wish or Wish()
        self.say = say
        self.auth_token = self.wish.auth_token or secrets.token_hex(16)
        self.carrier_url = (self.wish.carrier or "").rstrip("/")
        self.carrier: Part | None = None
        self._parts: list[Part] = []

    # what the world is made of, once it is up
    run: runs.Run
    mongod: Mongod
    aws: MiniStack
    doors: Part
    stack: Deployed
    door_urls: dict[str, str]

    def __enter__(self) -> Self:
        demand_port(self.wish.port)
        self.run = runs.begin()
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Whoever calls first goes first: callers before the called, the database last."""
        for part in reversed(self._parts):
            part.stop(grace=3)
        self.run.remove()

    # -- what it offers ------------------------------------------------------------------------------------------------

    @property
    def aws_url(self) -> str:
        return self.aws.url

    @property
    def mongodb_uri(self) -> str:
        return self.mongod.uri

    @property
    def voice_url(self) -> str:
        return self.door_urls["voice"]

    @property
    def api_url(self) -> str:
        return self.door_urls["api"]

    @property
    def page_url(self) -> str:
        """The operators' page, which asks for a token."""
        return f"{self.api_url}/"

    @cached_property
    def operator_token(self) -> str:
        """Made as on AWS: by whoever may invoke the function itself. The database may have seen worlds before."""
        wish = {"name": "the local world", "anyway": True}
        return str(self.invoke("ApiFunction", {"operator_token": wish})["token"])

    @property
    def logs(self) -> Path:
        return self.run.logs

    @property
    def functions(self) -> dict[str, str]:
        return self.stack.of_type("AWS::Lambda::Function")

    @property
    def queues(self) -> dict[str, str]:
        """Their URLs."""
        return self.stack.of_type("AWS::SQS::Queue")

    @property
    def tables(self) -> dict[str, str]:
        return self.stack.of_type("AWS::DynamoDB::Table")

    @cache  # noqa: B019 - a world lives as long as its process or less
    def client(self, service: str) -> Any:
        return client(service, self.aws_url)

    def invoke(self, function: str, event: object) -> Any:
        """One synchronous invocation of a deployed function, by logical id; its answer, or FunctionFailed."""
        reply = self.client("lambda").invoke(FunctionName=self.functions[function], Payload=json.dumps(event))
        answer = json.loads(reply["Payload"].read() or b"null")
        if "FunctionError" in reply:
            raise FunctionFailed(function, answer)
        return answer

    def configure(self, function: str, **variables: str) -> None:
        """Sets environment variables of a deployed function; its warm workers end with it."""
        of = self.client("lambda")
        name = self.functions[function]
        now = of.get_function_configuration(FunctionName=name).get("Environment", {"Variables": {}})["Variables"]
        of.update_function_configuration(FunctionName=name, Environment={"Variables": {**now, **variables}})

    def restart_mongod(self) -> None:
        """A power cut of the database: killed, then back with the same data on the same port."""
        if self.mongod.part is None:
            raise Refused("This world's MongoDB is somebody else's: it cannot be restarted from here.")
        self._parts.remove(self.mongod.part)
        self.mongod.part.kill()
        self.mongod = restart(self.mongod, self.run)
        assert self.mongod.part is not None
        self._parts.insert(0, self.mongod.part)

    def restart_aws(self) -> None:
        """All that AWS kept is gone: queues, tables, functions. Then the stack is there again, at the same address."""
        self._parts.remove(self.aws.part)
        self.aws.part.kill()
        self.aws = start_ministack(self.run, auth=self.wish.auth, on=self.aws.port)
        self._parts.insert(0, self.aws.part)
        self._put_secrets()
        self._deploy()

    def worker_pids(self, function: str) -> list[int]:
        """The processes that run a function right now; killing one is killing the function in mid-flight."""
        return marked(self.run.name, f"AWS_LAMBDA_FUNCTION_NAME={self.functions[function]}")

    def describe(self) -> dict[str, Any]:
        """Every endpoint and token, for whoever is outside."""
        return {
            "aws": {
                "url": self.aws_url, "region": REGION, "account": ACCOUNT,
                "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY, "stack": "dialer",
            },
            "carrier": {"url": self.carrier_url, "account_sid": self.wish.account_sid, "auth_token": self.auth_token},
            "voice": {"url": self.voice_url},
            **({"api_url": self.api_url, "operator_token": self.operator_token} if self.wish.operator else {}),
            "mongodb": {"uri": self.mongodb_uri, "database": self.wish.database},
            "parameters": {"mongodb_uri": MONGODB_URI_PARAMETER, "phone_hash_key": PHONE_HASH_KEY_PARAMETER},
            "functions": self.functions,
            "function_urls": self.door_urls,
            "queues": self.queues,
            "tables": self.tables,
            "outputs": dict(self.stack.outputs),
            "logs": str(self.logs),
        }  # fmt: skip

    # -- how it comes up -----------------------------------------------------------------------------------------------

    def _start(self) -> None:
        self._started(self._python("warden", "local.warden", self.run.name))
        with ThreadPoolExecutor(max_workers=3) as at_once:
            try:
                built = self._start_parts(at_once)
            except BaseException:
                sweep(self.run.name)  # so that no thread goes on waiting for what it started
                raise
        self._built = built
        self._deploy()

    def _deploy(self) -> None:
        self.stack = deploy(self._built, self.run, aws_url=self.aws_url, parameters=self._parameters(), say=self.say)
        self._point_doors()
        self.run.describe(self.describe())

    def _start_parts(self, at_once: ThreadPoolExecutor) -> Path:
        """The parts, and meanwhile the build."""
        building = at_once.submit(build, self.run, self.wish.project, say=self.say)
        self.say("mongod and MiniStack")
        starting_mongod = at_once.submit(start_mongod, self.run, given=self.wish.mongodb)
        self.aws = at_once.submit(start_ministack, self.run, auth=self.wish.auth).result()
        self._parts.insert(0, self.aws.part)
        self.doors = self._started(self._python("doors", "local.door", self.aws.url, REGION, listens=True))
        self.door_urls = {"voice": self._door("voice", self.wish.port)}
        self.mongod = starting_mongod.result()
        if self.mongod.part:
            self._parts.insert(0, self.mongod.part)
        if not self.carrier_url:
            self._start_carrier()
        self._put_secrets()
        return building.result()

    def _start_carrier(self) -> None:
        self.say("the carrier simulator")
        options = {
            "port": free_port(),
            "state": self.run.own("carrier"),
            "account-sid": self.wish.account_sid,
            "auth-token": self.auth_token,
            "time-scale": self.wish.time_scale,
            "cps": self.wish.calls_per_second,
            "seed": self.wish.carrier_seed,
            "events-lag": self.wish.events_lag,
        }
        self.carrier = self._started(
            self._python("carrier", "local.carrier", *(f"--{name}={value}" for name, value in options.items()))
        )
        self.carrier_url = self.carrier.next_line(within=20)["url"]

    def _put_secrets(self) -> None:
        secrets_by_name = {
            MONGODB_URI_PARAMETER: self.mongodb_uri,
            TWILIO_AUTH_TOKEN_PARAMETER: self.auth_token,
            PHONE_HASH_KEY_PARAMETER: PHONE_HASH_KEY,
        }
        for name, value in secrets_by_name.items():
            self.client("ssm").put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)

    def _parameters(self) -> dict[str, str]:
        return {
            "Stage": "local",
            "MongodbUriParameter": MONGODB_URI_PARAMETER,
            "MongodbDatabase": self.wish.database,
            "TwilioAccountSid": self.wish.account_sid,
            "TwilioAuthTokenParameter": TWILIO_AUTH_TOKEN_PARAMETER,
            "PhoneHashKeyParameter": PHONE_HASH_KEY_PARAMETER,
            "CallConcurrency": str(CALL_CONCURRENCY),
            "AccountCallsPerSecond": str(self.wish.calls_per_second),
            "TwilioApiUrl": self.carrier_url,
            "VoiceBaseUrl": self.voice_url,
            **(self.wish.parameters or {}),
        }

    def _point_doors(self) -> None:
        """A door for each function URL of the stack, named after its function: VoiceFunction is behind `voice`."""
        for logical, physical in self.functions.items():
            found = self.client("lambda").list_function_url_configs(FunctionName=physical)["FunctionUrlConfigs"]
            name = logical.removesuffix("Function").lower()
            for url in found[:1]:
                self.door_urls[name] = self._door(name, 0, url["FunctionUrl"].split("//")[1].split(".")[0])

    def _door(self, name: str, port: int, url_id: str = "") -> str:
        self.doors.say({"name": name, "port": port, "url_id": url_id})
        url: str = self.doors.next_line(within=10)["url"]
        return url

    def _python(self, name: str, module: str, *arguments: str, listens: bool = False) -> Part:
        return start(
            name, [sys.executable, "-m", module, *arguments], world=self.run.name, logs=self.run.logs, listens=listens,
            environment=plain_environment(PYTHONPATH=str(ROOT), PYTHONUNBUFFERED="1"),
        )  # fmt: skip

    def _started(self, part: Part) -> Part:
        self._parts.append(part)
        return part
