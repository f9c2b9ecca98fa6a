"""The HTML of the web pages, in the shapes that clients read (section 1.3).

Invariant: whatever a user has typed is escaped before it stands in a page.
"""

from __future__ import annotations

import html
import time
from collections.abc import Iterable, Sequence

from aiohttp import web

from rung.simulator.v3.installation import ProgramRow, Settings, shown_date
from rung.simulator.v3.monitored import Point


def page(body: str, *, bar: str, side: str) -> web.Response:
    """A page with the top bar and the side bar."""
    text = (
        "<!DOCTYPE html><html><head><title>OpenPLC Webserver</title></head><body>"
        f"<div class='top'><h3>OpenPLC Webserver</h3>{bar}</div>"
        f"<div class='menu'><a href='dashboard'>Dashboard</a><a href='programs'>Programs</a>"
        f"<a href='monitoring'>Monitoring</a><a href='users'>Users</a><a href='settings'>Settings</a>"
        f"<a href='logout'>Logout</a>{side}</div><div class='main'>{body}</div></body></html>"
    )
    return html_answer(text)


def html_answer(text: str) -> web.Response:
    """An HTML answer."""
    return web.Response(text=text, content_type="text/html", charset="utf-8")


def side_bar(running: bool) -> str:
    """The state, and the link that changes it."""
    link, word = ("stop_plc", "Stop PLC") if running else ("start_plc", "Start PLC")
    return f"<p>Status: <i>{'Running' if running else 'Stopped'}</i></p><a href='{link}'>{word}</a>"


def top_bar(state: str, name: str) -> str:
    """What runs, or what is being compiled; `state` is Running, Stopped or Compiling."""
    return f"<p><span>{state}: </span>{html.escape(name)}</p>"


def form_token(token: str) -> str:
    """The hidden field of every form, blanks and quotes as recorded."""
    return f"<input type='hidden' value='{token}'  name='csrf_token'/>"


def hidden(name: str, value: object) -> str:
    """A hidden field."""
    return f"<input type='hidden' value='{html.escape(str(value))}' id='{name}' name='{name}'/>"


def text_field(name: str, value: object = "", kind: str = "text") -> str:
    """A text field."""
    return f"<input type='{kind}' id='{name}' name='{name}' value='{html.escape(str(value))}'>"


def login(token: str, *, refused: bool = False) -> web.Response:
    """The login page."""
    note = "<h3 style='color:red'>Bad credentials! Try again</h3>" if refused else ""
    return html_answer(
        "<!DOCTYPE html><html><head><title>OpenPLC Webserver</title></head><body><h3><center>OpenPLC Webserver</center></h3>"
        f"<h3><b>Welcome to OpenPLC</b></h3>{note}<form action='login' method='POST' class='login-form'>"
        f"<input type='text' name='username' id='username' placeholder='username'/>{form_token(token)}"
        "<input type='password' name='password' id='password' placeholder='password'/>"
        "<button>login</button></form></body></html>"
    )


def dashboard(row: ProgramRow | None, running: bool, seconds: int | None) -> str:
    """State, program and running time."""
    colour, word = ("'#02CC07'", "Running") if running else ("'Red'", "Stopped")
    name, description, file = (row.name, row.description, row.file) if row is not None else ("", "", "")
    return (
        f"<h2>Dashboard</h2><b>Status: <font color = {colour}>{word}</font></b><br>"
        f"<b>Program:</b> {html.escape(name)}<br><b>Description:</b> {html.escape(description)}<br>"
        f"<b>File:</b> {html.escape(file)}<br><b>Runtime:</b> {'N/A' if seconds is None else seconds}"
    )


def programs(rows: Iterable[ProgramRow], token: str) -> str:
    """The table of programs and the upload form."""
    lines = "".join(
        f"<tr onclick=\"document.location='reload-program?table_id={row.id}'\"><td>{html.escape(row.name)}</td>"
        f"<td>{html.escape(row.file)}</td><td>{shown_date(row.uploaded)}</td></tr>"
        for row in rows
    )
    return (
        "<h2>Programs</h2><table><tr><th>Program Name</th><th>File</th><th>Date Uploaded</th></tr>"
        f"{lines}</table><a href='programs?list_all=1'>List all programs</a>"
        '<form id    =  "uploadForm" enctype =  "multipart/form-data" action    =  "upload-program" method    =  "post">'
        f'{form_token(token)}<input type="file" name="file" id="file" class="inputfile" accept=".st">'
        '<input type="submit" value="Upload Program" name="submit"></form>'
    )


def program_details(file: str, token: str) -> str:
    """The second form of an upload: name and description of what is already stored."""
    now = int(time.time())
    return (
        "<h2>Program Info</h2><form enctype='multipart/form-data' action='upload-program-action' method='post'>"
        f"{form_token(token)}<input type='text' id='prog_name' name='prog_name' placeholder='My Program v1.0'>"
        "<textarea type='text' rows='10' id='prog_descr' name='prog_descr'></textarea>"
        f"<input type='text' id='program_file' name='program_file' value='{file}' disabled>"
        f"<input type='text' id='prog_date' name='prog_date' value='{shown_date(now)}' disabled>"
        f"{hidden('prog_file', file)}{hidden('epoch_time', now)}{form_token(token)}"
        "<input type='submit' value='Upload program'></form>"
    )


def program_info(row: ProgramRow) -> str:
    """One program, and what can be done with it."""
    return (
        f"<h2>Program Info</h2><label>Name</label>{text_field('prog_name', row.name)}<label>Description</label>"
        f"<textarea id='prog_descr' name='prog_descr'>{html.escape(row.description)}</textarea>"
        f"{text_field('prog_file', row.file)}{text_field('prog_date', shown_date(row.uploaded))}"
        f"<a href='compile-program?file={row.file}'>Launch program</a>"
        f"<a href='update-program?id={row.id}'>Update program</a><a href='remove-program?id={row.id}'>Remove program</a>"
    )


def update_program(row_id: str, token: str) -> str:
    """The form that replaces a program's file."""
    return (
        "<h2>Upload Program</h2><form enctype='multipart/form-data' action='update-program-action' method='post'>"
        f'{form_token(token)}<input type="file" name="file" id="file" class="inputfile" accept=".st">'
        '<input type="submit" value="Upload Program" name="submit">'
        f"<input type='hidden' name='prog_id' id='prog_id' value='{html.escape(row_id)}'/>{hidden('epoch_time', int(time.time()))}</form>"
    )


def error(text: str) -> str:
    """The page of a request that cannot be done as it is."""
    return f"<h2>Error</h2><p>{html.escape(text)}<br><br>Use the back-arrow on your browser to return</p>"


def refresh(target: str) -> web.Response:
    """The small page that sends a browser on; a compile starts when its target is fetched."""
    return html_answer(
        f'<!DOCTYPE html><html><head><meta http-equiv="refresh" content="0; url={target}"></head></html>'
    )


def compiling() -> str:
    """The page that stands in place of every other one while a program compiles."""
    return (
        "<h2>Compiling program</h2><textarea id='loginfo' readonly></textarea><a href='dashboard'>Go to Dashboard</a>"
    )


def settings(current: Settings, token: str) -> str:
    """The settings, each with the field that sets it."""

    def box(name: str, on: bool) -> str:
        return f'<input id="{name}" type="checkbox"{" checked" if on else ""}>'

    def port(box_name: str, name: str, value: int | None, default: int) -> str:
        return box(box_name, value is not None) + text_field(name, default if value is None else value)

    return (
        "<h2>Settings</h2><form enctype='multipart/form-data' action='settings' method='post'>"
        f"{text_field('device_hostname', current.hostname)}"
        f"{port('modbus_server', 'modbus_server_port', current.modbus_port, 502)}"
        f"{box('snap7_run', current.snap7)}{hidden('snap7_run_text', str(current.snap7).lower())}"
        f"{port('dnp3_server', 'dnp3_server_port', current.dnp3_port, 20000)}"
        f"{port('enip_server', 'enip_server_port', current.enip_port, 44818)}"
        f"{port('pstorage_thread', 'pstorage_thread_poll', current.storage_polling_s, 10)}"
        f"{box('auto_run', current.start_run_mode)}{hidden('auto_run_text', str(current.start_run_mode).lower())}"
        f"{text_field('slave_polling_period', current.slave_polling_ms)}{text_field('slave_timeout', current.slave_timeout_ms)}"
        f"{form_token(token)}<input type='submit' value='Save Changes'></form>"
    )


def point_table(points: Sequence[Point], values: Sequence[str]) -> str:
    """The monitored points with their values as text."""
    lines = "".join(_point_line(point, value) for point, value in zip(points, values, strict=True))
    return (
        f"<table><tr><th>Point Name</th><th>Type</th><th>Location</th><th>Write</th><th>Value</th></tr>{lines}</table>"
    )


def _point_line(point: Point, value: str) -> str:
    location = html.escape(point.location)
    write = ""
    if point.location.startswith("%QX"):
        write = "".join(
            f'<button class="write-button {word}" onclick="fetch(\'/point-write?value={number}&address={location}\')">'
            f"{word}</button>"
            for number, word in ((1, "true"), (0, "false"))
        )
    shown = html.escape(value)
    if point.type == "BOOL":
        image = f"bool_{value.lower()}"
        shown = f'<img src="/static/{image}.png" alt="{image}">{shown}'
    elif point.type in ("INT", "UINT"):
        shown = f'<div class="w3-grey w3-round"><div class="w3-container w3-blue w3-round"><p>{shown}</p></div></div>'
    return (
        f"<tr><td>{html.escape(point.name)}</td><td>{html.escape(point.type)}</td><td>{location}</td><td>{write}</td>"
        f'<td valign="middle">{shown}</td></tr>'
    )
