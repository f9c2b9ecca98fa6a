"""How an orchestrator agent passes a request on to the runtime of a vPLC (`run_command`).

The recorded agent uses a library with habits of its own; what a hub can see of them (bodies, headers, wording of failures) is the same here.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx

RUNTIME_PORT = 8443
_METHODS = ("GET", "POST", "PUT", "DELETE")


def run(address: str, stands_for_8443: int, message: Mapping[str, Any]) -> dict[str, Any]:
    """Send the request that `message` describes and give the `http_response` of the answer.

    `stands_for_8443` is where the runtime's port 8443 is really found; every other port is taken as it is. There is no time limit, as recorded.
    Raises what makes the recorded agent give no acknowledgement at all, as files that are not base64.
    """
    method, port = message["method"], message.get("port", RUNTIME_PORT)
    scheme = "https" if port == RUNTIME_PORT else "http"
    path = re.sub(r"[\0-\x20]", lambda found: f"%{ord(found[0]):02X}", message["api"].lstrip("/"))
    data, files = _body(message), _files(message)
    if method not in _METHODS:
        return _failure(400, f"Unsupported HTTP method: {method}")
    try:
        path += _query(message.get("params"), "&" if "?" in path else "?")
        headers = _headers(message.get("headers"))
        if type(port) is not int or not 0 <= port <= 65535:
            raise ValueError(f"Failed to parse: '{address}:{port}' is not a valid host or port")
        url = f"{scheme}://{address}:{stands_for_8443 if port == RUNTIME_PORT else port}/{path}"
        with httpx.Client(verify=False, trust_env=False, timeout=None, follow_redirects=True) as client:
            return _answer(client.request(method, url, headers=headers, files=files, **data))
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        kind, place = scheme.upper(), f"(host='{address}', port={port})"
        cause = f"{kind}Connection{place}: Failed to establish a new connection: {error}"
        text = f'{kind}ConnectionPool{place}: Max retries exceeded with url: /{path} (Caused by NewConnectionError("{cause}"))'
        return _failure(500, text)
    except httpx.RemoteProtocolError:
        cause = "RemoteDisconnected('Remote end closed connection without response')"
        return _failure(500, f"('Connection aborted.', {cause})")
    except httpx.TransportError:
        return _failure(500, "('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))")
    except (AttributeError, ValueError, httpx.InvalidURL) as error:
        return _failure(500, str(error))


def _query(params: Any, joint: str) -> str:
    if not params:
        return ""
    if isinstance(params, str):
        return joint + params
    pairs = params.items() if isinstance(params, Mapping) else params
    return joint + urlencode([(name, value) for name, value in pairs if value is not None], doseq=True)


def _body(message: Mapping[str, Any]) -> dict[str, Any]:
    data = message.get("data")
    if not data:  # {} and "" too: a trap that the recording holds
        return {}
    if (
        message.get("headers", {}).get("Content-Type", "application/json") == "application/json"
    ):  # only this spelling counts
        return {"json": data}
    return {"data" if isinstance(data, Mapping) else "content": data}


def _files(message: Mapping[str, Any]) -> dict[str, Any]:
    files: dict[str, Any] = {}
    for name, file in (message.get("files") or {}).items():
        if not isinstance(file, Mapping):
            files[name] = (name, file)
        elif file["content_base64"]:
            raw = base64.b64decode(file["content_base64"])
            files[name] = (file.get("filename") or name, raw, file.get("content_type") or "application/octet-stream")
    return files


def _headers(headers: Any) -> dict[bytes, bytes]:
    checked: dict[bytes, bytes] = {}
    for name, value in headers.items() if headers else ():
        if value is None:
            continue
        if not isinstance(value, str):
            raise ValueError(
                f"Header part ({value!r}) from ({name!r}, {value!r}) must be of type str or bytes, not {type(value)}"
            )
        for part, text, allowed in (("name", name, r"[^:\s][^:\r\n]*"), ("value", value, r"\S[^\r\n]*|")):
            if not re.fullmatch(allowed, text):
                problem = f"Invalid leading whitespace, reserved character(s), or return character(s) in header {part}: {text!r}"
                raise ValueError(problem)
        checked[name.encode("latin-1")] = value.encode("latin-1")
    return checked


def _answer(response: httpx.Response) -> dict[str, Any]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    result = {"status_code": response.status_code, "headers": headers, "ok": response.status_code < 400}
    try:
        return {**result, "body": response.json(), "content_type": "application/json"}
    except ValueError:
        is_text = response.headers.get("Content-Type", "").startswith("text/")
        encoding = response.charset_encoding or ("latin-1" if is_text else "utf-8")
        return {**result, "body": response.content.decode(encoding, "replace"), "content_type": "text/plain"}


def _failure(status: int, text: str) -> dict[str, Any]:
    return {
        "status_code": status,
        "headers": {},
        "body": {"error": text},
        "ok": False,
        "content_type": "application/json",
    }
