"""A place in an S3 bucket with pathlib's methods, and with errors as a disk has them.

Endpoint, region and credentials are those of the environment of the process that asks, and travel nowhere. A server
that is away is waited for by the clients themselves, as a mount waits for its own.
"""

from __future__ import annotations

import errno
import os
from functools import cache
from typing import Any

from botocore import exceptions
from upath.implementations.cloud import S3Path
from upath.registry import register_implementation

from raycal._compat.s3fs import TranslatingS3

_CONNECT_S, _READ_S = 5.0, 10.0  # after which an attempt has failed
_ATTEMPTS = 16  # with pauses that grow to 20 seconds: two minutes where connections are refused
_ATTEMPTS_OF_CHECK = 2


class BucketPath(S3Path):
    """A place in a bucket. There are no folders in one, only the names of objects."""

    __slots__ = ()

    @classmethod
    def _fs_factory(cls, *_: object) -> Client:
        return _client(_ATTEMPTS)

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Do nothing: a folder is there with its first object, and a bucket is not for raycal to make."""

    def check(self) -> None:
        """Raise OSError within seconds where the bucket is not there, refuses access or does not answer."""
        bucket, _, prefix = self.path.partition("/")
        client = _client(_ATTEMPTS_OF_CHECK)
        client.call("list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=1)


register_implementation("s3", BucketPath, clobber=True)  # of a class that is not, UPath makes no paths


@cache
def _client(attempts: int) -> Client:
    region = os.environ.get("AWS_REGION")  # botocore itself knows AWS_DEFAULT_REGION alone
    return Client(
        client_kwargs={"region_name": region} if region else {},
        config_kwargs={
            "connect_timeout": _CONNECT_S,
            "read_timeout": _READ_S,
            "retries": {"mode": "standard", "total_max_attempts": attempts},
        },
        use_listings_cache=False,  # others write too
        skip_instance_cache=True,  # there is one for all threads as it is
    )


@cache
def arrow_filesystem() -> Any:
    """Arrow's own client, which reads many objects at once, and which Ray Train and Tune take for their storage."""
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

    return S3FileSystem(
        endpoint_override=os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"),
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"),
        connect_timeout=_CONNECT_S,
        request_timeout=_READ_S,
        retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
    )


def _as_os_error(error: OSError | exceptions.BotoCoreError, bucket: str) -> OSError:
    # Of s3fs's own errors few have a number, and none a name.
    match error:
        case FileNotFoundError():
            missing = "bucket" if "bucket" in str(error) else "object"
            return OSError(errno.ENOENT, f"there is no such {missing}", bucket)
        case PermissionError():
            return OSError(errno.EACCES, "access is refused", bucket)
        case (
            exceptions.NoCredentialsError()
            | exceptions.PartialCredentialsError()
            | exceptions.CredentialRetrievalError()
        ):
            return OSError(errno.EACCES, "there are no credentials in the environment", bucket)
        case exceptions.ConnectionError() | exceptions.HTTPClientError():
            return OSError(errno.EHOSTUNREACH, "its server does not answer (AWS_ENDPOINT_URL)", bucket)
    number, said = (error.errno, error.strerror) if isinstance(error, OSError) else (None, None)
    return OSError(number or errno.EIO, " ".join((said or str(error)).split()), bucket)


class Client(TranslatingS3):
    """s3fs, whose errors are OSErrors with a name here, whether the server or the client gave up."""

    retries = 2  # of its own around botocore's, for a connection that breaks in the middle of an object
    translate = staticmethod(_as_os_error)
