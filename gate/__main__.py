"""`python -m gate new | list | revoke ID`: the API keys of DATA_DIR; from the first on, every call needs one."""

import argparse
import os
import sys
import time
from typing import Any

from config import ServiceConfig, WrongSetting
from gate.keys import SCOPES, Key, KeyFile
from observe.audit import Audit

_DAY = "%Y-%m-%d"


def main() -> int:
    """Run one command; return the exit code (1: no such key, 2: a wrong argument or setting)."""
    parser = argparse.ArgumentParser(prog="python -m gate", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new", help="make a key and show it, this once")
    new.add_argument("--name", default="key", help="what you will know it by")
    new.add_argument("--scopes", default="read,train,chat", help=f"what it may do, of {','.join(SCOPES)}")
    new.add_argument("--days", type=int, help="days until it ends (default: never)")
    commands.add_parser("list", help="show every key, by its last four letters")
    commands.add_parser("revoke", help="forget a key").add_argument("id")
    arguments = parser.parse_args()
    os.umask(0o077)  # what is made here is its user's alone
    try:
        config = ServiceConfig.from_env()
    except WrongSetting as wrong:
        print(f"gate: {wrong}", file=sys.stderr)
        return 2
    keys, audit = KeyFile(config.key_file), Audit(config.audit_file)
    if arguments.command == "new":
        return _make(keys, audit, arguments)
    if arguments.command == "revoke":
        return _revoke(keys, audit, arguments.id, required=config.key_required)
    print(*(_line(key) for key in keys.all()), sep="\n")
    return 0


def _make(keys: KeyFile, audit: Audit, asked: argparse.Namespace) -> int:
    scopes, days = frozenset(asked.scopes.split(",")), asked.days
    wrong = scopes - {*SCOPES}
    if wrong or (days is not None and days < 1):
        what = f"'{sorted(wrong)[0]}' is no scope; there are {', '.join(SCOPES)}" if wrong else "--days is at least 1"
        print(f"gate: {what}.", file=sys.stderr)
        return 2
    first = not keys.exist()
    token, key = keys.make(asked.name, scopes, days)
    audit.write(_done("gate.new", key.id) | {"scopes": sorted(scopes), "days": days})
    print(token)
    print(
        f"{_line(key)}\nThis key is not shown again. Send it as 'Authorization: Bearer {token[:6]}...'.",
        file=sys.stderr,
    )
    if first:
        print("It is the first: from now on every call but /status needs a key.", file=sys.stderr)
    return 0


def _revoke(keys: KeyFile, audit: Audit, key_id: str, *, required: bool) -> int:
    if not keys.revoke(key_id):
        print(f"gate: there is no key '{key_id}'; see: python -m gate list", file=sys.stderr)
        return 1
    audit.write(_done("gate.revoke", key_id))
    if not keys.exist():
        then = "nobody gets in until you make one" if required else "calls need none now"
        print(f"That was the last key: {then}.", file=sys.stderr)
    return 0


def _done(action: str, key_id: str) -> dict[str, Any]:
    """What the audit says of it; whoever may run this has no key, but an account on the machine."""
    return {"key": "nobody", "action": action, "subjects": [key_id]}


def _line(key: Key) -> str:
    ends = time.strftime(_DAY, time.localtime(key.expires_at)) if key.expires_at else "never"
    return f"{key.id}  ...{key.last4}  {','.join(sorted(key.scopes))}  ends {ends}  {key.name}"


if __name__ == "__main__":
    sys.exit(main())
