"""The probe takes a message and tells nobody."""

from __future__ import annotations

from unittest import mock

import pytest
from pydantic import ValidationError

import channels
from channels import probe
from tests.channels import messages


def test_gives_a_receipt_under_the_key_of_the_delivery_and_sends_nothing() -> None:
    http, dial = mock.Mock(), mock.Mock()
    call = channels.Call(key="k-1", secrets={}, http=http, now=messages.NOW, dial=dial)
    for attempt in range(2):
        receipt = probe.send(messages.first(), probe.Settings(), call)
        assert receipt == channels.Receipt(ref=None, provider_id="k-1"), attempt
    assert http.mock_calls == dial.mock_calls == []


def test_two_probes_have_two_names() -> None:
    assert probe.destination(probe.Settings()) == "probe watch"
    assert probe.destination(probe.Settings(name="other")) == "probe other"
    with pytest.raises(ValidationError):
        probe.Settings(name="two\nlines")


def test_nobody_can_be_told_by_it() -> None:
    assert probe.Settings.CONTACT is None
