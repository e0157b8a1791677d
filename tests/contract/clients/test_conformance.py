"""The committed table names what the tests drive, no more and no less, and claims what they show."""

from pathlib import Path

from tests.contract.clients.catalogue import CLIENTS
from tests.contract.clients.conformance import COMMAND, TABLE, results, rows, write
from tests.contract.clients.driving import Outcome


def table_of(document: Path) -> list[str]:
    return [line for line in document.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][2:]


def test_the_table_has_exactly_the_clients_versions_and_cases_that_are_driven() -> None:
    assert table_of(TABLE) == [line for client in CLIENTS for line in rows(client, lambda case: "works")], (
        f"docs/conformance.md is not what the tests drive; write it anew: {COMMAND}"
    )


def test_every_case_says_what_it_does() -> None:
    said = [words for client in CLIENTS for words in client.cases.values()]
    assert said
    assert [words for words in said if not words.endswith(".")] == []


def test_a_case_that_fails_stands_in_the_table_with_its_reason(tmp_path: Path) -> None:
    client = CLIENTS[0]
    first, *others = client.cases
    outcomes = [Outcome(first, "Traceback\nKeyError: 'a|b'\n"), *(Outcome(case, None) for case in others)]
    write(tmp_path / "table.md", rows(client, results(outcomes).__getitem__))
    found = table_of(tmp_path / "table.md")
    assert found[0].endswith("| fails: KeyError: 'a\\|b' |")
    assert all(line.endswith("| works |") for line in found[1:])
