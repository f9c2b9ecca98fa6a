"""The codes that lexer and parser report, each with its title; `rung.rules` gives each its page and severity.

Invariant: a code, once published, keeps its meaning.
"""

from __future__ import annotations

from typing import Final

TITLES: Final[dict[str, str]] = {
    "SYN001": "Unexpected text",
    "SYN002": "Missing semicolon",
    "SYN003": "Block is never closed",
    "SYN004": "ELSE IF instead of ELSIF",
    "SYN005": "Missing THEN, DO or OF",
    "SYN006": "END without its beginning",
    "SYN007": "POU, TYPE or CONFIGURATION is never closed",
    "SYN008": "Variable section or STRUCT is never closed",
    "SYN009": "Assignment inside an expression",
    "SYN010": "Operator of another language",
    "SYN011": "Missing expression",
    "SYN012": "Bracket is never closed",
    "SYN013": "Comment is never closed",
    "SYN014": "String is never closed",
    "SYN015": "Malformed number",
    "SYN016": "Malformed duration",
    "SYN017": "Malformed date or time of day",
    "SYN018": "Malformed character code in a string",
    "SYN019": "Malformed address",
    "SYN020": "Keyword used as a name",
    "SYN021": "Misspelt keyword",
    "SYN022": "Character that the language does not know",
    "SYN023": "Body in Instruction List",
    "SYN024": "Body in Sequential Function Chart",
    "SYN025": "C code in a pragma is skipped",
    "SYN026": "Too deeply nested",
    "SYN027": "Missing or malformed type",
    "SYN028": "Text outside of any POU",
    "SYN029": "Missing name",
    "SYN030": "Not read yet",
    "SYN031": "Declarations after the first statement",
    "SYN032": "File is not text",
    "SYN033": "Text is not UTF-8",
}
