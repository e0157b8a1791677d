"""What a conversion says of its examples is what a check says of the file."""

import io

import pytest

import dataprep
from dataprep.checks.profiles import TARGETS
from dataprep.conversion.loss_report import summarise, tell
from dataprep.conversion.windows import lines_of
from tests.dataprep.chats import ME, SHE, converted, said


@pytest.mark.parametrize("count", [1, 2, 3, 9, 10])
@pytest.mark.parametrize("profile", TARGETS)
def test_the_report_of_a_conversion_and_a_check_agree_on_how_many_are_enough(profile: str, count: int) -> None:
    rows = [
        row
        for at in range(count)
        for row in (said(2 * at + 1, SHE, 90 * at, f"Lit {at}?"), said(2 * at + 2, ME, 90 * at + 1, f"Yes {at}."))
    ]
    conversion = converted(rows)
    file = io.BytesIO("".join(lines_of(conversion.training)).encode())
    report = dataprep.check(file, profile=profile, minimum=TARGETS[profile].minimum)
    found = {one.code: 1 for one in report.findings if one.severity == "error"}
    assert report.examples == count
    assert summarise(conversion, profile)["check"]["training"]["errors"] == found
    assert ("no errors" in tell(summarise(conversion, profile))) == report.ok


def test_few_examples_for_validation_are_no_fault() -> None:
    rows = [
        row
        for at in range(12)
        for row in (said(2 * at + 1, SHE, 90 * at, f"Lit {at}?"), said(2 * at + 2, ME, 90 * at + 1, f"Yes {at}."))
    ]
    verdict = summarise(converted(rows, valid_share=0.1))["check"]
    assert verdict["validation"] is not None
    assert verdict["training"]["errors"] == verdict["validation"]["errors"] == {}
