"""A place in an S3 bucket with pathlib's methods, and with errors as a disk has them.

Endpoint, region and credentials are those of the environment of the process that asks, and travel nowhere. A server
that is away is waited for by the clients themselves, as a mount waits for its own. Of every question whether something
is there the answers are yes, no, and an OSError.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from botocore import exceptions
from upath.implementations.cloud import S3Path
from upath.registry import register_implementation

from raycal._compat.s3fs import Failure, TranslatingS3

_CONNECT_S = 5.0  # for a connection, after which an attempt has failed


@dataclass(frozen=True)
class _Patience:
    """How long a client waits for a server that is away."""

    attempts: int  # with pauses that grow to 20 seconds
    repeats: int  # of those by s3fs, for a connection that breaks in the middle of an object
    read_s: float = 10.0  # for an answer, after which an attempt has failed


_AT_WORK = _Patience(attempts=16, repeats=2)  # two minutes where connections are refused
_AT_A_CHECK = _Patience(attempts=2, repeats=1, read_s=5.0)


class BucketPath(S3Path):
    """A place in a bucket. There are no folders in one, only the names of objects."""

    __slots__ = ()

    @classmethod
    def _fs_factory(cls, *_: object) -> Client:
        return _client(_AT_WORK)

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Do nothing: a folder is there with its first object, and a bucket is not for raycal to make."""

    def check(self) -> None:
        """Raise OSError within seconds where the bucket is not there, refuses access or does not answer."""
        bucket, _, prefix = self.path.partition("/")
        client = _client(_AT_A_CHECK)
        try:
            client.call("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)
        except OSError as error:
            if error.errno == errno.ENODEV:
                raise FileNotFoundError(errno.ENOENT, error.strerror, error.filename) from error
            raise


register_implementation("s3", BucketPath, clobber=True)  # of a class that is not, UPath makes no paths


@cache
def _client(patience: _Patience) -> Client:
    region = os.environ.get("AWS_REGION")  # botocore itself knows AWS_DEFAULT_REGION alone
    client = Client(
        client_kwargs={"region_name": region} if region else {},
        config_kwargs={
            "connect_timeout": _CONNECT_S,
            "read_timeout": patience.read_s,
            "retries": {"mode": "standard", "total_max_attempts": patience.attempts},
        },
        use_listings_cache=False,  # others write too
        skip_instance_cache=True,  # there is one for all threads as it is
    )
    client.retries = patience.repeats
    return client


@cache
def arrow_filesystem() -> Any:
    """Arrow's own client, which reads many objects at once, and which Ray Train and Tune take for their storage."""
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    return S3FileSystem(
        endpoint_override=os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        connect_timeout=_CONNECT_S,
        request_timeout=_AT_WORK.read_s,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_AT_WORK.attempts),
    )


def _as_os_error(error: Failure, method: str, bucket: str) -> OSError:
    # Of s3fs's own errors few have a number, and none a name.
    match error:
        case FileNotFoundError() if "bucket" in str(error) or method.startswith("list_"):
            # No FileNotFoundError, which would answer no to a question that nobody was there to answer.
            return OSError(errno.ENODEV, "there is no such bucket", bucket)
        case FileNotFoundError():
            return OSError(errno.ENOENT, "there is no such object", bucket)
        case PermissionError():
            return OSError(errno.EACCES, "access is refused", bucket)
        case (
            exceptions.NoCredentialsError()
            | exceptions.PartialCredentialsError()
            | exceptions.CredentialRetrievalError()
        ):
            return OSError(errno.EACCES, "there are no credentials in the environment", bucket)
        case exceptions.ConnectionError() | exceptions.HTTPClientError():
            return OSError(errno.EHOSTUNREACH, f"its server does not answer{_tried(error)} (AWS_ENDPOINT_URL)", bucket)
    number, message = (error.errno, error.strerror) if isinstance(error, OSError) else (None, None)
    return OSError(number or errno.EIO, " ".join((message or str(error)).split()), bucket)


def _tried(error: exceptions.BotoCoreError) -> str:
    """Which server was tried, without what else an address may hold."""
    address = urlsplit(str(error.kwargs.get("endpoint_url", "")))
    return f": {address.scheme}://{address.netloc.rpartition('@')[2]} was tried" if address.netloc else ""


class Client(TranslatingS3):
    """s3fs, whose errors are OSErrors with a name here, whether the server or the client gave up."""

    translate = staticmethod(_as_os_error)
