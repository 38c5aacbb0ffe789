"""s3fs 2026: the one method that all of its calls go through, and those that take an error for a no or a done."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

from botocore.exceptions import BotoCoreError
from fsspec.asyn import sync
from s3fs import S3FileSystem

Failure: TypeAlias = OSError | BotoCoreError | ValueError
Translate = Callable[[Failure, str, str], OSError]


class TranslatingS3(S3FileSystem):  # type: ignore[misc]
    """s3fs, whose errors pass through `translate` (of the error, the call and s3://BUCKET), whoever gave up."""

    translate: Translate

    def call(self, method: str, **options: Any) -> Any:
        """One call of botocore's client, such as list_objects_v2, waited for."""
        return sync(self.loop, self._call_s3, method, **options)

    async def _call_s3(self, method: str, *arguments: Any, **options: Any) -> Any:
        bucket = f"s3://{options['Bucket']}"
        try:
            answer = await super()._call_s3(method, *arguments, **options)
        except (OSError, BotoCoreError, ValueError) as error:
            raise type(self).translate(error, method, bucket) from error
        if method == "delete_objects" and (kept := answer.get("Errors")):
            raise OSError(errno.EIO, f"{len(kept)} objects were not deleted: {kept[0].get('Code')}", bucket)
        return answer

    async def _isfile(self, path: str) -> bool:
        try:
            return bool((await self._info(path))["type"] == "file")
        except FileNotFoundError:
            return False

    async def _walk(self, path: str, *arguments: Any, **options: Any) -> AsyncIterator[Any]:
        async for level in super()._walk(path, *arguments, **options | {"on_error": _unless_missing}):
            yield level


def _unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
