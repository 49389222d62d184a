"""Drop attachments: of a message that is redacted, only its body stays.

What cannot be looked into (pictures, documents) goes from every redacted message. Attached texts and messages stay,
with the persons that are due taken out, unless the data map says that the dataset's attachments go.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.message import Message

from connectors.base import FieldShape
from pipelines.anonymise.replacement import Replacement, TechniqueUnfit

DROP_ATTACHMENTS = "drop_attachments"
"""The technique's name."""


def no_column(shape: FieldShape, _options: Mapping[str, str | int | bool]) -> Replacement:
    """A column holds no message.

    Raises:
        TechniqueUnfit: always.
    """
    raise TechniqueUnfit(DROP_ATTACHMENTS, shape, "it is for mail; a column with a file is suppressed")


def attached(part: Message) -> bool:
    """Whether a part hangs on a message: a file, another message, or what asks to be shown as one."""
    named = part.get_filename() is not None or part.get_content_disposition() == "attachment"
    return named or part.get_content_maintype() not in {"text", "multipart"}
