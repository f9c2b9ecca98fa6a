"""What is read from the web pages of Runtime v3, as they were recorded, and from pages that nobody should send."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rung.runtimes.machine import PlcState
from rung.runtimes.v3_pages import CSRF, read_page

TOKEN = "ImVhMTM5NzY2.awKBeg.BYthxFsvfToEZYv_Ub0YfhnrIBI"


@pytest.mark.parametrize(
    "tag",
    [
        f"<input type='hidden' value='{TOKEN}'  name='csrf_token'/>",
        f'<INPUT name="csrf_token" type="hidden" value="{TOKEN}">',
        f"<input name=csrf_token value={TOKEN} type=hidden>",
    ],
)
def test_the_token_is_found_in_any_order_and_quoting(tag: str) -> None:
    page = read_page(f"<form action='login'>{tag}</form>")
    assert page.inputs[CSRF] == page.hidden[CSRF] == TOKEN


def test_the_state_is_that_of_the_side_bar() -> None:
    side = "<h3>Status: <i>{}</i></span></h3>"
    assert read_page(side.format("Running")).state is PlcState.RUNNING
    assert read_page(side.format("Stopped")).state is PlcState.STOPPED
    main = "<b>Status: <font color = '#02CC07'>Running</font></b>"
    assert read_page(main).state is PlcState.RUNNING
    assert read_page("<p>Status unknown</p>").state is None


def test_a_program_of_a_strange_name_does_not_change_the_state() -> None:
    page = read_page(
        "<span>Stopped: </span>Status: Running<h3>Status: <i>Stopped</i></h3><b>Program:</b> Status: Running"
    )
    assert page.state is PlcState.STOPPED


def test_the_page_that_stands_in_while_the_machine_compiles_is_recognised() -> None:
    page = read_page(
        "<center><span style='color: Yellow'>Compiling: </span>IDE Prog</center><h3>OpenPLC User</h3>"
        "<h2>Compiling program</h2><p id='logs'>loading logs...</p>"
    )
    assert page.is_compiling
    assert page.compiling_name == "IDE Prog"
    assert page.state is PlcState.COMPILING
    assert not read_page("<p>Compiling program</p>").is_compiling


def test_a_program_is_found_by_its_exact_name() -> None:
    rows = (
        "<tr style='x'><th>Program Name</th><th>File</th></tr>"
        "<tr onclick=\"document.location='reload-program?table_id=1'\"><td>Blank Program</td><td>blank.st</td></tr>"
        "<tr onclick=\"document.location='reload-program?table_id=17'\"><td>Tom &amp; Jerry</td><td>17.st</td></tr>"
    )
    page = read_page(f"<table>{rows}</table>")
    assert page.program_id("Tom & Jerry") == "17"
    assert page.program_id("blank.st") is None
    assert page.program_id("Program Name") is None


def test_where_a_page_sends_the_browser_is_read() -> None:
    page = read_page(
        '<html><head><meta http-equiv="refresh" content="0; url=/compile-program?file=275474.st"></head></html>'
    )
    assert page.refresh == "/compile-program?file=275474.st"
    assert read_page('<meta http-equiv="refresh" content="5">').refresh is None


def test_boxes_that_are_ticked_are_known_by_their_id() -> None:
    page = read_page('<input id="modbus_server" type="checkbox" checked><input id="dnp3_server" type="checkbox">')
    assert page.checked == {"modbus_server"}


def test_scripts_and_styles_are_no_text() -> None:
    assert read_page("<script>Status:</script><style>b{}</style><p>seen</p>").text == "seen"


@given(st.text(max_size=200) | st.text(st.sampled_from("<>/='\"!-&;#trdhi2npuscx "), max_size=200))
def test_no_text_at_all_breaks_the_reader(html: str) -> None:
    page = read_page(html)
    assert page.state in (None, PlcState.COMPILING)


@pytest.mark.parametrize(
    "piece",
    [
        "<a ",
        "<a x='",
        '<a x="',
        "<!--",
        "<!",
        "<?",
        "</",
        "<script>",
        "<",
        "<a b=c/",
        "&#1",
        "<td>",
        "<a\t'",
        "<b =",
        "<a  = ",
    ],
)
def test_a_page_that_nobody_closes_is_read_at_once(piece: str) -> None:
    began = time.monotonic()
    read_page(piece * (400_000 // len(piece)))
    assert time.monotonic() - began < 10  # a parser that looks back would need hours


def test_a_number_of_thousands_of_digits_is_no_character() -> None:
    assert "9999" in read_page(f"<p>&#{'9' * 5000};</p>").text


def test_scripts_and_comments_say_nothing_and_tags_may_be_untidy() -> None:
    page = read_page(
        "<script>document.write('<h2>Compiling program</h2>')</script><!-- <h2>Compiling program</h2> --><input checked id=modbus_server "
        "onclick=\"go('/x')\" name=a value=><input name=b value='1 > 0'><b =x>3 < 4</b>"
    )
    assert not page.is_compiling
    assert page.checked == {"modbus_server"}
    assert page.inputs == {"a": "", "b": "1 > 0"}
    assert page.text == "3 < 4"
