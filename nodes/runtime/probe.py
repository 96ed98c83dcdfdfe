"""python -m nodes.runtime.probe: exit code 0 when the node in this container is ready.

Imports as little as it can: a health check runs every few seconds beside every node.
"""

import http.client
import os
import sys


def is_ready(port: int, seconds: float = 3.0) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(os.environ.get("JANGTEO_PORT", "8000"))) else 1)
