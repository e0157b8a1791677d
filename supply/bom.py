"""Writes docs/sbom.json (CycloneDX 1.6) and docs/licences.md: what is locked, by the packages' own metadata, and what
the pages bring to browsers.

Run `make lock`, which needs the package index: wheels' metadata are read, hardly any wheel is downloaded.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cyclonedx.contrib.hash.factories import HashTypeFactory
from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from supply.licences import REASONS, expression_of, parts_of
from supply.locked import REQUIRED, Locked, normal, read_all

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "dashboard" / "static" / "vendor" / "vendor.toml"
_WANTED = re.compile(r"[\w.-]+")


def main() -> None:
    """Read the lock and the metadata; write both documents."""
    packages = read_all()
    metadata = metadata_of(packages)
    licences = {one.name: expression_of(metadata[one.name]) for one in packages}
    (ROOT / "docs" / "sbom.json").write_text(sbom(packages, metadata, licences), encoding="utf-8")
    (ROOT / "docs" / "licences.md").write_text(document(packages, licences), encoding="utf-8")


def metadata_of(packages: list[Locked]) -> dict[str, Mapping[str, Any]]:
    """Ask pip for each package's core metadata; nothing is installed."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--dry-run", "--ignore-installed", "--no-deps", "--only-binary=:all:", "--quiet"]
        wanted = [f"{one.name}=={one.version}" for one in packages]
        command = [sys.executable, "-m", "pip", "install", *options, f"--report={report}", *wanted]
        subprocess.run(command, check=True)
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {normal(one["metadata"]["name"]): one["metadata"] for one in found}


def sbom(packages: list[Locked], metadata: Mapping[str, Mapping[str, Any]], licences: Mapping[str, str]) -> str:
    """Return the bill as JSON; the same lock gives the same bytes."""
    components = {one.name: component(one, licences[one.name]) for one in packages}
    browsers = [vendored(one) for one in read_vendored()]
    own = Component(
        name="tune9527", type=ComponentType.APPLICATION, bom_ref="tune9527", licenses=[licence_of("Apache-2.0")]
    )
    bom = Bom(components=[*components.values(), *browsers])
    bom.metadata.component = own
    bom.register_dependency(own, [*components.values(), *browsers])
    for name, one in components.items():
        bom.register_dependency(one, [components[needed] for needed in needs(metadata[name]) if needed in components])
    told = json.loads(JsonV1Dot6(bom).output_as_string())
    del told["metadata"]["timestamp"]
    told["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(told['components']))}"
    text = json.dumps(told, indent=1) + "\n"
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(fault)
    return text


def needs(metadata: Mapping[str, Any]) -> set[str]:
    """Return what a package asks for, extras apart."""
    wanted = (one for one in metadata.get("requires_dist", ()) if "extra ==" not in one)
    return {normal(found[0]) for one in wanted if (found := _WANTED.match(one))}


def component(one: Locked, licence: str) -> Component:
    """Return a package as the bill has it."""
    url = PackageURL("pypi", None, one.name, one.version)
    files = [HashTypeFactory().from_composite_str(f"sha256:{sha256}") for sha256 in one.hashes]
    facts = {"lock": f"requirements/lock/{one.home}.txt", "marker": one.marker}
    return Component(
        name=one.name,
        version=one.version,
        type=ComponentType.LIBRARY,
        bom_ref=url.to_string(),
        purl=url,
        scope=ComponentScope.REQUIRED if one.home in REQUIRED else ComponentScope.OPTIONAL,
        licenses=[licence_of(licence)],
        external_references=[
            ExternalReference(
                type=ExternalReferenceType.DISTRIBUTION, url=XsUri(f"https://pypi.org/simple/{one.name}/"), hashes=files
            )
        ],
        properties=[Property(name=f"tune9527:{fact}", value=value) for fact, value in facts.items() if value],
    )


def read_vendored() -> list[dict[str, Any]]:
    """Return the npm packages of which files lie in the tree."""
    return list(tomllib.loads(VENDOR.read_text(encoding="utf-8")).values())


def vendored(one: Mapping[str, Any]) -> Component:
    """Return a package for browsers as the bill has it, with each file that is kept of it."""
    url = PackageURL("npm", None, one["package"], one["version"])
    return Component(
        name=one["package"],
        version=one["version"],
        type=ComponentType.LIBRARY,
        bom_ref=url.to_string(),
        purl=url,
        scope=ComponentScope.REQUIRED,
        licenses=[licence_of(one["licence"])],
        properties=[
            Property(name=f"tune9527:sha256 of {path}", value=sha256) for path, sha256 in one["files"].values()
        ],
    )


def licence_of(expression: str) -> Any:
    return LicenseFactory().make_from_string(expression)


def document(packages: list[Locked], licences: Mapping[str, str]) -> str:
    """Return the list for people."""
    rows = [
        f"| {one.name} | {one.version} | {licences[one.name]} | {one.home} |"
        for one in sorted(packages, key=lambda one: one.name)
    ]
    rows += [f"| {one['package']} | {one['version']} | {one['licence']} | npm |" for one in read_vendored()]
    named = {part for expression in licences.values() for part in parts_of(expression)}
    reasons = [f"- `{licence}`: {why}" for licence, why in REASONS.items() if licence in named]
    text = [
        "# Licences of what we depend on",
        "Made by `make lock` from the lock and the packages' own metadata; [sbom.json](sbom.json) has the same for",
        "machines, with each file's sha256. tune9527 itself is under Apache-2.0. The last column is the file of",
        "`requirements/lock/`, or `npm`, of which files lie in `dashboard/static/vendor/`.",
        "",
        "Nearly all are permissive. Those that are not, and why they may be here:",
        "",
        *reasons,
        "",
        "| Package | Version | Licence | Lock |",
        "| --- | --- | --- | --- |",
        *rows,
    ]
    return "\n".join([text[0], "", *text[1:]]) + "\n"


if __name__ == "__main__":
    main()
