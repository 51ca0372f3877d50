"""What the desk and runbooks did to production is told as a change, beside deploys, where causes are looked for."""

from datetime import datetime

from mainstay.core.settings import current
from mainstay.observe.changes import services as changes
from mainstay.observe.changes.services import ChangeEvent
from mainstay.restore.approved import Approved


def tell_change(thing: Approved, kind: str, what: str, *, by: str, at: datetime) -> None:
    """A change of each of its services, once the caller's transaction stands. It holds no values: everybody reads it.

    ``at`` is when it began, since harm can follow its first step.
    """
    for service in thing.service_keys():
        changes.tell(
            ChangeEvent(
                time=at,
                service=service,
                kind=kind,
                id=str(thing),
                summary=f"{thing}: {what}"[:2000],
                author=by,
                version="",
                link=f"{current().public_url}{thing.PATH}/{thing.pk}",
                diff="",
            )
        )
