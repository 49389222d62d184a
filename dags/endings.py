"""How a task ends when something is wrong: red, with one sentence that holds no value, and no traceback of a driver."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk.exceptions import AirflowException, AirflowFailException

log = logging.getLogger("ardoise.ending")


@contextmanager
def spoken() -> Iterator[None]:
    """Turn every error of the block into its sentence.

    Raises:
        AirflowException: a connection was lost, or another run is in the way; Airflow may try again.
        AirflowFailException: anything else; trying again would not help.
    """
    try:
        yield
    except AirflowException as error:
        log.error("%s", error)  # noqa: TRY400 - the sentence, never a traceback
        raise
    except Exception as error:  # noqa: BLE001 - the edge: what is left may quote a record in its message
        said = ending(error)
        log.error("%s", said)  # noqa: TRY400
        raise said from None


def ending(error: Exception) -> AirflowException:
    """The exception with which the task ends: it has the error's own sentence where that is one of ours."""
    from connectors.errors import ConnectorError, StoreDown
    from pipelines.errors import ArdoiseError
    from pipelines.locks import DatasetBusy
    from pipelines.scan.index import IndexBusy
    from retention_rules.problems import PolicyInvalid

    if isinstance(error, StoreDown | DatasetBusy | IndexBusy):
        return AirflowException(str(error))
    if isinstance(error, ArdoiseError | ConnectorError | PolicyInvalid):
        return AirflowFailException(str(error))
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
    return AirflowFailException(f"Unexpected {type(error).__name__}{place}. This is a defect of Ardoise.")
