from __future__ import annotations

from rung.rules.registry import Rule

RULES: tuple[Rule, ...] = ()
