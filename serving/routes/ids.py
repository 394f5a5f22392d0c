"""Ids of users and items in addresses and bodies, of the kinds that the job's input has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

from fastapi import Depends, HTTPException, Path

from serving.schemas import ID_BYTES, Id, is_id_text
from serving.state import Services, Shared
from transforms.messages.id_kinds import TEXT

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)


async def _user(
    shared: Shared,
    user: Annotated[
        str,
        Path(
            description="The user's id, as the job's input has it: an integer of 64 bits, or text "
            "of up to 256 bytes, percent-encoded",
            min_length=1,
            max_length=ID_BYTES,
        ),
    ],
) -> Id:
    """The user of the address, of the kind that the job's users have."""
    return _of_kind(user, (await shared.queries.ids()).user, "user")


def _of_kind(text: str, kind: str, what: str) -> Id:
    if kind == TEXT:
        if is_id_text(text):
            return text
        raise HTTPException(
            404, f"there is no such {what}: ids are 256 bytes without control characters"
        )
    number = _integer(text)
    if number is None:
        raise HTTPException(
            404, f"there is no such {what}: the job's {what}s are integers of 64 bits"
        )
    return number


User = Annotated[Id, Depends(_user)]


async def _item(
    shared: Shared,
    item: Annotated[
        str,
        Path(
            description="The item's id, as the job's input has it: an integer of 64 bits, or text "
            "of up to 256 bytes, percent-encoded",
            min_length=1,
            max_length=ID_BYTES,
        ),
    ],
) -> Id:
    """The item of the address, of the kind that the job's items have."""
    return _of_kind(item, (await shared.queries.ids()).item, "item")


Item = Annotated[Id, Depends(_item)]


async def items_of(shared: Services, texts: Sequence[str]) -> tuple[Id, ...]:
    """Items of an address, of the kind that the job's items have.

    Raises:
        HTTPException: 422, one is of another kind.
    """
    if (await shared.queries.ids()).item == TEXT:
        await check_items(shared, texts)
        return tuple(texts)
    numbers = [_integer(text) for text in texts]
    await check_items(
        shared, [text if n is None else n for text, n in zip(texts, numbers, strict=True)]
    )
    return tuple(number for number in numbers if number is not None)


async def check_items(shared: Services, items: Iterable[Id]) -> None:
    """Checks that items are of the kind that the job's items have.

    Raises:
        HTTPException: 422, one is of another kind.
    """
    if (await shared.queries.ids()).item == TEXT:
        if not all(isinstance(item, str) and is_id_text(item) for item in items):
            raise HTTPException(
                422, "the job's items are text of up to 256 bytes without control characters"
            )
    elif not all(isinstance(item, int) for item in items):
        raise HTTPException(422, "the job's items are integers of 64 bits")


def _integer(text: str) -> int | None:
    if _INTEGER.fullmatch(text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    return None
