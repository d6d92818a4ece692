"""What schemathesis must be told of this API: read by its process, which `test_openapi.py` starts.

- A body of CBOR is written by our own encoder: what is drawn becomes one of the byte strings of a
  batch, so that it gets behind the first gate.
- 503 and 507 are answers here (`status_code_conformance` sees that they are described); 500 is a
  fault, and so is 501 or 502.
"""

from __future__ import annotations

from typing import Any

import schemathesis

from govchaind.base.encoding import encode

ANSWERS = (503, 507)


@schemathesis.serializer("application/cbor")
def cbor(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """Return a batch of what was drawn."""
    if isinstance(value, bytes):
        return encode([value])
    return str(value).encode()


@schemathesis.check
def no_fault_of_the_server(
    _: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Fail where the node met what it did not expect."""
    if response.status_code >= 500 and response.status_code not in ANSWERS:
        raise AssertionError(f"{case.method} {case.path}: {response.status_code}: {response.text}")


@schemathesis.check
def every_error_has_our_form(
    _: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """Fail where an error of the API is not code, message and remedy."""
    if response.status_code >= 400 and case.method != "HEAD" and case.path != "/readyz":
        error = response.json()["error"]
        assert all(error[part] for part in ("code", "message", "remedy")), response.text
