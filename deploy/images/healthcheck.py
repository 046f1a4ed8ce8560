"""Succeeds when an address of this container answers 200: `healthcheck.py PORT PATH`. Standard library only."""

from __future__ import annotations

import http.client
import sys

TIMEOUT_S = 4.0


def main(arguments: list[str]) -> int:
    """Return 0 when the address answers 200, else 1."""
    port, path = arguments
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        return 0 if connection.getresponse().status == http.client.OK else 1
    except (OSError, http.client.HTTPException):
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
