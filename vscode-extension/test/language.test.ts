// The language configuration and the snippets: what the editor does while ST is typed.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";

const folder = join(import.meta.dirname, "..", "..", "syntaxes");

interface Pattern {
  pattern: string;
  flags: string;
}

interface LanguageConfiguration {
  wordPattern: Pattern;
  indentationRules: { increaseIndentPattern: Pattern; decreaseIndentPattern: Pattern };
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(join(folder, name), "utf8"));
}

const configuration = read("language-configuration.json") as LanguageConfiguration;
const regex = ({ pattern, flags }: Pattern): RegExp => new RegExp(pattern, flags);

suite("indentation", () => {
  const increase = regex(configuration.indentationRules.increaseIndentPattern);
  const decrease = regex(configuration.indentationRules.decreaseIndentPattern);

  for (const line of ["PROGRAM Main", "var_input", "VAR RETAIN", "IF a THEN", "ELSIF b THEN", "ELSE", "CASE x OF", "FOR i := 1 TO 3 DO", "WHILE a DO", "REPEAT", "  recipe : STRUCT", "TYPE"]) {
    test(`the line after "${line}" is indented`, () => { assert.match(line, increase); });
  }
  for (const line of ["IF a THEN b := 1; END_IF;", "x := 1;", "PROGRAM p WITH t : Main;", "END_VAR", "VAR x : INT; END_VAR", "variable := 1;", "TYPE a : INT; END_TYPE"]) {
    test(`the line after "${line}" is not`, () => { assert.doesNotMatch(line, increase); });
  }
  for (const line of ["  END_IF;", "END_PROGRAM", "ELSE", "elsif x THEN", "UNTIL done"]) {
    test(`"${line}" moves back`, () => { assert.match(line, decrease); });
  }
  test("a name that begins like a keyword does not move back", () => { assert.doesNotMatch("ELSEWHERE := 1;", decrease); });
});

suite("words", () => {
  const words = (text: string): string[] => text.match(new RegExp(configuration.wordPattern.pattern, `g${configuration.wordPattern.flags}`)) ?? [];

  test("an address, a typed literal and a name are one word each", () => {
    assert.deepEqual(words("start AT %IX0.0 := T#1s5ms + Größe;"), ["start", "AT", "%IX0.0", "T#1s5ms", "Größe"]);
  });
  test("a member access is two words", () => { assert.deepEqual(words("motor.running"), ["motor", "running"]); });
});

suite("snippets", () => {
  const snippets = read("st.json") as Record<string, { prefix: string | string[]; body: string | string[]; description: string }>;

  test("no prefix is given twice", () => {
    const prefixes = Object.values(snippets).flatMap(({ prefix }) => prefix);
    assert.equal(new Set(prefixes).size, prefixes.length);
  });
  for (const [name, { body }] of Object.entries(snippets)) {
    test(`"${name}" closes what it opens`, () => {
      const text = [body].flat().join("\n");
      const opened = [...text.matchAll(/^\s*(PROGRAM|FUNCTION_BLOCK|FUNCTION|CONFIGURATION|RESOURCE|TYPE|VAR(?:_[A-Z_]+)?|IF|CASE|FOR|WHILE|REPEAT)\b(?!.*WITH)/gm)].length;
      const closed = [...text.matchAll(/^\s*END_(?!STRUCT)\w+/gm)].length;
      assert.ok(name === "Elsif" || opened === closed, text);
    });
  }
});
