"""What the desk writes down of corrections: the content that an approval binds, and images."""

from collections.abc import Iterable
from typing import Any

from mainstay.restore.approval import content_hash
from mainstay.restore.sqldesk.correct.carrying import Carried, Work, work_of
from mainstay.restore.sqldesk.correct.restoring import Kept
from mainstay.restore.sqldesk.domain.images import Key, Row, name_of, pack, stored_name, unpack
from mainstay.restore.sqldesk.models import Batch, Correction, TableImage


def content(correction: Correction) -> dict[str, Any]:
    """Everything that an approval binds."""
    return {
        "connection": [correction.connection.key, correction.connection.dialect, correction.connection.address],
        "statements": correction.statements,
        "parameters": correction.parameters,
        "expected_rows": correction.expected_rows,
        "checks_before": correction.checks_before,
        "checks_after": correction.checks_after,
        "batch_rows": correction.batch_rows,
        "title": correction.title,
        "reason": correction.reason,
        "incident": correction.incident_id,
        "undoes": correction.undoes_id,
        "accepted": sorted(correction.accepted),
        "fingerprint": correction.fingerprint,
        "digest": correction.preview.get("digest", ""),
    }


def hash_of(correction: Correction) -> str:
    """SHA-256 over the content."""
    return content_hash(content(correction))


def work(correction: Correction) -> Work:
    """What it does. Raises ``StatementError``."""
    if correction.undoes is not None:
        return Work(
            (),
            correction.parameters,
            tuple(correction.checks_before),
            tuple(correction.checks_after),
            kept_of(correction.undoes),
            tuple(correction.accepted),
            is_undo=True,
        )
    return work_of(
        correction.connection.dialect,
        correction.statements,
        correction.parameters,
        correction.checks_before,
        correction.checks_after,
    )


def keep_images(batch: Batch, carried: Carried) -> None:
    """Write the rows of a transaction down, before it commits."""
    TableImage.objects.filter(batch=batch).delete()
    images: list[TableImage] = []
    for image in carried.effects.images.values():
        packed = pack(image)
        if not packed.count:
            continue
        images.append(
            TableImage(
                batch=batch,
                place=len(images),
                table=stored_name(image.table.name),
                columns=list(image.columns),
                key=list(image.key),
                count=packed.count,
                rows=packed.rows,
                hash=packed.hash,
            )
        )
    TableImage.objects.bulk_create(images)


def kept_of(correction: Correction) -> tuple[Kept, ...]:
    """The rows of all batches that were carried out, table by table. Raises ``ValueError`` for changed proof."""
    return merged(TableImage.objects.filter(batch__correction=correction, batch__state=Batch.State.DONE))


def merged(images: Iterable[TableImage]) -> tuple[Kept, ...]:
    """Images as restoring takes them. A row of several batches goes from its first state to its last."""
    found: dict[str, tuple[TableImage, dict[Key, tuple[Row | None, Row | None]]]] = {}
    for image in images:
        _, pairs = found.setdefault(image.table, (image, {}))
        for key, before, after in unpack(bytes(image.rows), image.hash):
            pairs[key] = (pairs[key][0] if key in pairs else before, after)
    return tuple(
        Kept(name_of(table), tuple(first.key), tuple(first.columns), pairs) for table, (first, pairs) in found.items()
    )
