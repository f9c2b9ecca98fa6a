// The grammar, line by line: under each source line stand carets, and what the text above them is taken for.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { suite, test } from "node:test";

import oniguruma from "vscode-oniguruma";
import textmate from "vscode-textmate";

const require = createRequire(import.meta.url);
const grammarPath = join(import.meta.dirname, "..", "..", "syntaxes", "st.tmLanguage.json");

async function loadGrammar(): Promise<textmate.IGrammar> {
  const wasm = readFileSync(require.resolve("vscode-oniguruma/release/onig.wasm"));
  await oniguruma.loadWASM(wasm);
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: () => Promise.resolve(textmate.parseRawGrammar(readFileSync(grammarPath, "utf8"), grammarPath)),
  });
  const grammar = await registry.loadGrammar("source.st");
  assert.ok(grammar);
  return grammar;
}

const grammar = await loadGrammar();
const MARKER = /^(\s*)(\^+) (!?)([\w.-]+)$/;

/** Checks each marker line `^^^ scope` (or `^^^ !scope`) against the scopes of the source line above it. */
function check(text: string): void {
  let state = textmate.INITIAL;
  let line = "";
  let tokens: textmate.IToken[] = [];
  let checked = 0;
  for (const row of text.replace(/^\n/, "").split("\n")) {
    const marker = MARKER.exec(row);
    if (marker === null) {
      const result = grammar.tokenizeLine(row, state);
      ({ tokens } = result);
      state = result.ruleStack;
      line = row;
      continue;
    }
    const [, indent = "", carets = "", not, scope = ""] = marker;
    const from = indent.length;
    const to = from + carets.length;
    for (const token of tokens.filter(({ startIndex, endIndex }) => startIndex < to && endIndex > from)) {
      const has = token.scopes.some((name) => name === scope || name.startsWith(`${scope}.`));
      const what = `"${line.slice(token.startIndex, token.endIndex)}" in "${line}" is ${token.scopes.join(" ")}`;
      assert.equal(has, not !== "!", `${what}; wanted ${not ?? ""}${scope}`);
    }
    checked += 1;
  }
  assert.ok(checked > 0, "a test without a marker checks nothing");
}

suite("comments and pragmas", () => {
  test("the three kinds of comment", () => {
    check(`
a := 1; // to the end
        ^^^^^^^^^^^^^ comment.line.double-slash.st
b (* inside *) := 2;
  ^^^^^^^^^^^^ comment.block.st
               ^^ keyword.operator.assignment.st
c /* as in C */ := 3;
  ^^^^^^^^^^^^^ comment.block.c-style.st
`);
  });

  test("a comment goes over lines", () => {
    check(`
(* first
^^^^^^^^ comment.block.st
IF last *) x := 1;
^^^^^^^^^^ comment.block.st
           ^ variable.other.st
`);
  });

  test("a comment opener inside a comment is text when it does not nest", () => {
    check(`
(* see (* here *) x := 1;
^^^^^^^^^^^^^^^^^ comment.block.st
                  ^ variable.other.st
(* see (* here *) y := 1; (* and here *)
                  ^ variable.other.st
`);
  });

  test("a comment that is nested on one line ends with the outer one", () => {
    check(`
(* outer (* inner *) outer *) x := 1;
^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ comment.block.st
                              ^ variable.other.st
`);
  });

  test("code with comments that was commented out is one comment", () => {
    check(`
(*
x := 1; (* set x *)
^^^^^^^^^^^^^^^^^^^ comment.block.st
y := 2;
^^^^^^^ comment.block.st
*) z := 3;
   ^ variable.other.st
`);
  });

  test("a tool line is one comment, whatever stands between", () => {
    check(`
(*DBG:char md5[] = "a*)b"; /* (* */ *)
^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ comment.block.tool.st
x := 1;
^ variable.other.st
`);
  });

  test("pragmas", () => {
    check(`
{attribute 'hide'} x : INT;
^^^^^^^^^^^^^^^^^^ meta.preprocessor.st
                   ^ variable.other.st
{{ if (a) { b(); } }} y := 1;
^^^^^^^^^^^^^^^^^^^^^ meta.preprocessor.c.st
                      ^ variable.other.st
`);
  });
});

suite("literals", () => {
  test("strings and their escapes", () => {
    check(`
s := 'it$'s $0D';
     ^^^^^^^^^^^ string.quoted.single.st
        ^^ constant.character.escape.st
            ^^^ constant.character.escape.st
                ^ punctuation.terminator.statement.st
w := WSTRING#"$00E4" ;
     ^^^^^^^ storage.type.elementary.st
              ^^^^^ constant.character.escape.st
                     ^ punctuation.terminator.statement.st
`);
  });

  test("a string that is not closed ends with its line", () => {
    check(`
s := 'open;
     ^^^^^^ string.quoted.single.st
x := 1;
^ variable.other.st
`);
  });

  test("numbers in every base", () => {
    check(`
a := 16#FF_A0 + 2#1010 + 8#17;
     ^^^^^^^^ constant.numeric.based.st
                ^^^^^^ constant.numeric.based.st
                         ^^^^ constant.numeric.based.st
b := 1_000 + 3.14 + 1.5E-3 + 2e6;
     ^^^^^ constant.numeric.integer.st
             ^^^^ constant.numeric.real.st
                    ^^^^^^ constant.numeric.real.st
                             ^^^ constant.numeric.real.st
c : ARRAY[1..10] OF INT;
          ^ constant.numeric.integer.st
           ^^ keyword.operator.range.st
             ^^ constant.numeric.integer.st
`);
  });

  test("typed literals", () => {
    check(`
a := WORD#16#00FF;
     ^^^^ storage.type.elementary.st
          ^^^^^^^ constant.numeric.st
b := INT#-5;
         ^^ constant.numeric.st
c := lreal#1.5E-3;
     ^^^^^ storage.type.elementary.st
           ^^^^^^ constant.numeric.st
d := BOOL#TRUE;
          ^^^^ constant.language.boolean.st
e := Colour#Red;
     ^^^^^^ entity.name.type.st
            ^^^ variable.other.enummember.st
`);
  });

  test("durations, dates and times of day", () => {
    check(`
a := T#1d2h_3m4.5s;
     ^ storage.type.elementary.st
       ^^^^^^^^^^^ constant.numeric.duration.st
b := time#-500ms;
          ^^^^^^ constant.numeric.duration.st
c := D#2024-02-29;
       ^^^^^^^^^^ constant.numeric.date.st
d := TOD#12:30:15.250;
         ^^^^^^^^^^^^ constant.numeric.date.st
e := DATE_AND_TIME#2024-02-29-12:30:00;
     ^^^^^^^^^^^^^ storage.type.elementary.st
                   ^^^^^^^^^^^^^^^^^^^ constant.numeric.date.st
`);
  });
});

suite("declarations", () => {
  test("the names of POUs, types and tasks", () => {
    check(`
PROGRAM Main
^^^^^^^ keyword.declaration.pou.st
        ^^^^ entity.name.type.st
Function_Block Motor
^^^^^^^^^^^^^^ keyword.declaration.pou.st
               ^^^^^ entity.name.type.st
FUNCTION Scale : REAL
^^^^^^^^ keyword.declaration.pou.st
         ^^^^^ entity.name.function.st
                 ^^^^ storage.type.elementary.st
TYPE Colour : (Red, Green); END_TYPE
^^^^ keyword.declaration.type.st
     ^^^^^^ entity.name.type.st
                            ^^^^^^^^ keyword.declaration.type.st
  TASK fast(INTERVAL := T#10ms, PRIORITY := 1);
  ^^^^ keyword.declaration.task.st
       ^^^^ entity.name.section.task.st
  PROGRAM p1 WITH fast : Main;
          ^^ variable.other.instance.st
                  ^^^^ entity.name.section.task.st
                         ^^^^ entity.name.type.st
`);
  });

  test("variables, sections and located addresses", () => {
    check(`
VAR_INPUT RETAIN
^^^^^^^^^ keyword.declaration.variables.st
          ^^^^^^ storage.modifier.st
start AT %IX0.0 : BOOL;
^^^^^ variable.other.st
      ^^ keyword.other.st
         ^^^^^^ variable.language.located.st
                  ^^^^ storage.type.elementary.st
level : INT AT %iw100 := 5;
               ^^^^^^ variable.language.located.st
later AT %Q* : WORD;
         ^^^ variable.language.located.st
END_VAR
^^^^^^^ keyword.declaration.variables.st
`);
  });
});

suite("statements", () => {
  test("control words, whatever their case", () => {
    check(`
if a AND NOT b then
^^ keyword.control.conditional.st
     ^^^ keyword.operator.wordlike.st
               ^^^^ keyword.control.conditional.st
FOR i := 1 TO 10 BY 2 DO EXIT; END_FOR;
^^^ keyword.control.loop.st
           ^^ keyword.control.loop.st
                         ^^^^ keyword.control.flow.st
                               ^^^^^^^ keyword.control.loop.st
`);
  });

  test("names that only contain a keyword are names", () => {
    check(`
IF_ready := endIf + TOTAL + my_var;
^^^^^^^^ variable.other.st
            ^^^^^ variable.other.st
                    ^^^^^ variable.other.st
                            ^^^^^^ variable.other.st
`);
  });

  test("functions, function blocks and calls", () => {
    check(`
x := LIMIT(0, INT_TO_REAL(raw), 100);
     ^^^^^ support.function.st
              ^^^^^^^^^^^ support.function.conversion.st
delay(IN := start, PT := T#5s, Q => done);
^^^^^ entity.name.function.call.st
      ^^ variable.parameter.st
                   ^^ variable.parameter.st
                               ^ variable.parameter.st
delay : TON;
        ^^^ support.class.function-block.st
limit := 5;
^^^^^ variable.other.st
`);
  });

  test("members, elements and parts of bit strings", () => {
    check(`
recipe.steps[i].time := flags.3;
       ^^^^^ variable.other.member.st
                ^^^^ variable.other.member.st
                              ^ constant.numeric.bit.st
b := flags.%X7;
           ^^^ constant.numeric.bit.st
`);
  });

  test("operators", () => {
    check(`
y := a ** 2 <> b & c >= d;
       ^^ keyword.operator.arithmetic.st
            ^^ keyword.operator.comparison.st
                 ^ keyword.operator.logical.st
                     ^^ keyword.operator.comparison.st
`);
  });
});
