"""Hyperparameters stand inside `method` or, the older way, beside it; none that is given is lost."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.engine.hollow import upload


def ask(caller: FlaskClient, older: Any, newer: Any, method: str = "supervised") -> Any:
    chosen = {"type": method, method: {"hyperparameters": newer}}
    asked = {"model": "base", "training_file": upload(caller), "hyperparameters": older, "method": chosen}
    return caller.post("/v1/fine_tuning/jobs", json=asked).get_json()


@pytest.mark.parametrize(
    ("older", "newer", "epochs", "size"),
    [
        ({"n_epochs": 5}, {}, 5, "auto"),
        ({"n_epochs": 5}, None, 5, "auto"),
        (None, {"n_epochs": 5}, 5, "auto"),
        ({"n_epochs": 5, "batch_size": "auto"}, {"n_epochs": 5, "batch_size": 2}, 5, 2),
        ({"n_epochs": 5, "batch_size": 2}, {"n_epochs": "auto"}, 5, 2),
    ],
)
def test_what_is_given_in_two_places_adds_up(
    caller: FlaskClient, older: Any, newer: Any, epochs: Any, size: Any
) -> None:
    whole = {"n_epochs": epochs, "batch_size": size, "learning_rate_multiplier": "auto"}
    job = ask(caller, older, newer)
    assert job["hyperparameters"] == job["method"]["supervised"]["hyperparameters"] == whole
    preferring = ask(caller, older, newer and {**newer, "beta": 0.3}, "dpo")
    beta = {"beta": 0.3} if newer else {"beta": "auto"}
    assert preferring["method"]["dpo"]["hyperparameters"] == whole | beta


def test_two_numbers_for_one_thing_are_refused(caller: FlaskClient) -> None:
    error = ask(caller, {"n_epochs": 5, "batch_size": 1}, {"n_epochs": 3, "batch_size": 1})["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "hyperparameters.n_epochs")
    assert "5 in 'hyperparameters' and 3 in 'method.supervised.hyperparameters'" in error["message"]
