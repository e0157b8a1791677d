"""Exits 0 if the service of this container answers `/status`, else 1; past any proxy, and with a Host that passes."""

import http.client
import os
import sys


def main() -> int:
    """Ask once, for four seconds at most."""
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 9527), timeout=4)
    try:
        connection.request("GET", "/status")
        return int(connection.getresponse().status != http.HTTPStatus.OK)
    except (OSError, http.client.HTTPException) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
