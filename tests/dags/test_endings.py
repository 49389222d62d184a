"""How a task ends: with the error's sentence, retried only where trying again may help, and without a value."""

from __future__ import annotations

import logging
import traceback

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from connectors.errors import ConnectorError, StoreDown, StoreReadOnly
from dags.endings import spoken
from pipelines.errors import LimitExceeded, NotApproved
from pipelines.locks import DatasetBusy
from pipelines.scan.index import IndexBusy

SECRET = "anne.dupont@example.org"


@pytest.mark.parametrize(
    "error",
    [StoreDown("crm", "it does not answer", "Start it."), DatasetBusy("crm", "contacts"), IndexBusy("busy", "index")],
)
def test_a_lost_connection_and_a_busy_dataset_may_be_tried_again(error: Exception) -> None:
    with pytest.raises(AirflowException) as caught, spoken():
        raise error
    assert not isinstance(caught.value, AirflowFailException)
    assert str(caught.value) == str(error)


@pytest.mark.parametrize(
    "error",
    [
        NotApproved("nothing allows it", "plan 0123", "Approve it."),
        LimitExceeded("too much", "crm.contacts", "Look at it."),
        StoreReadOnly("crm", "it is a replica", "Name the primary."),
        ConnectorError("crm", "something else", "Look."),
    ],
)
def test_everything_else_of_ours_fails_for_good_with_its_own_sentence(error: Exception) -> None:
    with pytest.raises(AirflowFailException, match=str(error).split(":", maxsplit=1)[0]), spoken():
        raise error


def test_a_foreign_error_ends_with_its_type_and_place_and_never_its_message(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(AirflowFailException) as caught, spoken():
        raise KeyError(SECRET)
    printed = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert SECRET not in printed.replace(f'"{SECRET}"', "")
    assert "Unexpected KeyError at " in printed
    assert "test_endings.py" in printed
    assert caught.value.__suppress_context__
