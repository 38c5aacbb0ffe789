"""s3fs 2026: the one method that all of its calls go through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError
from fsspec.asyn import sync
from s3fs import S3FileSystem

Translate = Callable[[OSError | BotoCoreError, str], OSError]


class TranslatingS3(S3FileSystem):  # type: ignore[misc]
    """s3fs, whose errors pass through `translate` (of the error and s3://BUCKET), whoever gave up."""

    translate: Translate

    def call(self, method: str, **options: Any) -> Any:
        """One call of botocore's client, such as list_objects_v2, waited for."""
        return sync(self.loop, self._call_s3, method, **options)

    async def _call_s3(self, method: str, *arguments: Any, **options: Any) -> Any:
        try:
            return await super()._call_s3(method, *arguments, **options)
        except (OSError, BotoCoreError) as error:
            raise type(self).translate(error, f"s3://{options['Bucket']}") from error
