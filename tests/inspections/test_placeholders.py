"""What is a placeholder and what only looks like one, by language; and which lines of which files are judged."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from fermata.inspections.changes import Changes, Misuse
from fermata.inspections.placeholders import find_placeholders, placeholders
from fermata.inspections.source_files import lexer_name
from tests.git.sandbox import Sandbox, make_sandbox

if TYPE_CHECKING:
    from pathlib import Path

# file name, text, rule
MUST_FIND = [
    # --- Python: bodies
    pytest.param("a.py", "def f():\n    pass\n", "empty-body", id="py-pass"),
    pytest.param("a.py", "def f(): ...\n", "empty-body", id="py-dots"),
    pytest.param("a.py", "def f():\n    raise NotImplementedError\n", "empty-body", id="py-raise"),
    pytest.param("a.py", "def f():\n    raise NotImplementedError()\n", "empty-body", id="py-raise-call"),
    pytest.param("a.py", 'def f():\n    """Send the mail."""\n', "empty-body", id="py-docstring-alone"),
    pytest.param("a.py", 'def f():\n    """Send it."""\n    pass\n', "empty-body", id="py-docstring-and-pass"),
    pytest.param("a.py", "async def f():\n    ...\n", "empty-body", id="py-async"),
    pytest.param("a.py", "def f():\n    raise NotImplemented\n", "empty-body", id="py-raise-not-implemented"),
    pytest.param("a.py", "def f():\n    raise NotImplemented('x')\n", "empty-body", id="py-call-not-implemented"),
    pytest.param("tests/test_a.py", "def test_a():\n    assert True\n", "empty-body", id="py-test-of-true"),
    pytest.param(
        "a.py",
        'class A:\n    """Implements the interface."""\n    def f(self):\n        raise NotImplementedError\n',
        "empty-body",
        id="py-of-an-interface",
    ),
    pytest.param("a.js", "function f() { console.log('not implemented') }\n", "not-implemented", id="js-log"),
    pytest.param("a.go", 'package a\nfunc F() { fmt.Println("not implemented") }\n', "not-implemented", id="go-print"),
    pytest.param("tests/a.test.js", "it('adds', () => {})\n", "empty-body", id="js-test-without-a-test"),
    pytest.param("a.spec.ts", 'test("adds", async function () {\n});\n', "empty-body", id="ts-test-without-a-test"),
    pytest.param("a.test.js", "it.todo('adds')\n", "empty-body", id="js-test-announced"),
    pytest.param("a.ts", "// Implementation would go here\nf();\n", "not-implemented", id="ts-would-go-here"),
    pytest.param(
        "a.py", "def f():\n    # will be implemented in phase 3\n    return 1\n", "not-implemented", id="py-later"
    ),
    pytest.param("a.py", "def f():\n    # stubbed\n    return g()\n", "placeholder", id="py-stubbed"),
    pytest.param(
        "a.py", "# In the real world, this would ask the bank\nx = 1\n", "in-real-code", id="py-real-world-would"
    ),
    pytest.param("a.py", "class A:\n    def f(self):\n        pass\n", "empty-body", id="py-method"),
    pytest.param(
        "a.py",
        "class S(pb2_grpc.GreeterServicer):\n    def Hello(self, r, c):\n        pass\n",
        "empty-body",
        id="py-servicer",
    ),
    pytest.param("a.py", "def f():\n    def g():\n        pass\n    return g()\n", "empty-body", id="py-nested"),
    pytest.param("a.py", "@app.get('/x')\ndef f():\n    pass\n", "empty-body", id="py-route"),
    pytest.param("a.py", "def f():\n    pass  # handle login\n", "empty-body", id="py-pass-with-a-wish"),
    pytest.param("tests/test_a.py", "def test_it_works():\n    pass\n", "empty-body", id="py-test-without-a-test"),
    pytest.param("a.py", "if x:\n    def f(): pass\nelse:\n    def f(): return 1\n", "empty-body", id="py-below-if"),
    # --- Python: words
    pytest.param("a.py", "x = 1  # TODO: the real one\n", "todo", id="py-todo"),
    pytest.param("a.py", "# FIXME\nx = 1\n", "todo", id="py-fixme"),
    pytest.param("a.py", "# XXX this is wrong\nx = 1\n", "todo", id="py-xxx"),
    pytest.param("a.py", "# HACK: works on Tuesdays\nx = 1\n", "todo", id="py-hack"),
    pytest.param("a.py", "# todo: lower case\nx = 1\n", "todo", id="py-todo-lower"),
    pytest.param("a.py", "# TODO(anna) later\nx = 1\n", "todo", id="py-todo-name"),
    pytest.param("a.py", "# Works. TODO make it fast\nx = 1\n", "todo", id="py-todo-behind-a-sentence"),
    pytest.param("tests/test_a.py", "# TODO: more cases\nx = 1\n", "todo", id="py-todo-in-a-test"),
    pytest.param("a.py", 'def f():\n    """TODO: say what."""\n    return g()\n', "todo", id="py-todo-docstring"),
    pytest.param(
        "a.py", "def f():\n    # placeholder implementation\n    return g()\n", "placeholder", id="py-placeholder"
    ),
    pytest.param("a.py", "def f():\n    # This is just a stub\n    return g()\n", "placeholder", id="py-stub"),
    pytest.param(
        "a.py", "def f():\n    # not implemented yet\n    return g()\n", "not-implemented", id="py-not-implemented"
    ),
    pytest.param(
        "a.py",
        "def f():\n    # In a real implementation, ask the database\n    return g()\n",
        "in-real-code",
        id="py-real",
    ),
    pytest.param(
        "a.py",
        "def f():\n    # In production this would call Stripe\n    return g()\n",
        "in-real-code",
        id="py-production",
    ),
    pytest.param("a.py", "def f():\n    # for now only the first\n    return g()[0]\n", "for-now", id="py-for-now"),
    pytest.param("a.py", "def f():\n    # ... rest of the code\n    return g()\n", "elided", id="py-elided"),
    pytest.param("a.py", "def f():\n    # ... existing code ...\n    return g()\n", "elided", id="py-existing-code"),
    pytest.param("a.py", "def f():\n    # Simulate network call\n    return g()\n", "mock-data", id="py-simulate"),
    pytest.param("a.py", "def f():\n    return 42  # mock\n", "invented", id="py-mock-constant"),
    pytest.param("a.py", "def f():\n    # hardcoded\n    return {'ok': True}\n", "invented", id="py-hardcoded"),
    pytest.param(
        "a.py",
        "def f(x):\n    if x:\n        return 1\n    raise NotImplementedError('not implemented yet')\n",
        "not-implemented",
        id="py-branch",
    ),
    pytest.param(
        "a.py", "def f(x):\n    raise ValueError('Not implemented')\n", "not-implemented", id="py-other-error"
    ),
    pytest.param("a.py", "def f(x):\n    assert False, 'TODO'\n", "not-implemented", id="py-assert"),
    pytest.param("a.py", "def f(x):\n    print('not implemented')\n", "not-implemented", id="py-print"),
    pytest.param("a.py", "def f(:\n    # TODO: x\n", "todo", id="py-that-does-not-parse"),
    # --- JavaScript, TypeScript
    pytest.param("a.js", 'function f() { throw new Error("not implemented"); }\n', "not-implemented", id="js-throw"),
    pytest.param(
        "a.ts", "const f = () => { throw new Error('Not implemented yet') }\n", "not-implemented", id="ts-throw"
    ),
    pytest.param("a.js", "f() // TODO: x\n", "todo", id="js-todo"),
    pytest.param("a.ts", "/* FIXME */ f();\n", "todo", id="ts-block-comment"),
    pytest.param("a.ts", "/**\n * TODO: describe\n */\nf();\n", "todo", id="ts-jsdoc"),
    pytest.param("a.tsx", "const A = () => <p>{/* TODO: the rest */}</p>;\n", "todo", id="tsx-comment"),
    pytest.param(
        "a.js", "function f() {\n  // mock data for now\n  return [1, 2];\n}\n", "for-now", id="js-mock-for-now"
    ),
    pytest.param("a.js", "function f() {\n  // fake\n  return { ok: true };\n}\n", "invented", id="js-fake-return"),
    pytest.param("a.ts", "// ... existing code ...\nf();\n", "elided", id="ts-existing"),
    pytest.param("a.js", "return Promise.reject(new Error('unimplemented'));\n", "not-implemented", id="js-reject"),
    pytest.param("a.js", "// Your code here\n", "elided", id="js-your-code"),
    pytest.param("a.vue", "<script>\n// TODO: x\nexport default {}\n</script>\n", "todo", id="vue"),
    pytest.param("a.js", "function login(u) {\n  // check the password\n}\n", "empty-body", id="js-a-comment-alone"),
    pytest.param(
        "a.ts", "const f = async (x: string): Promise<void> => {\n  /* send it */\n};\n", "empty-body", id="ts-arrow"
    ),
    pytest.param(
        "a.ts",
        "class A {\n  save(a: { b: (c: D) => E }): void {\n    // write to the database\n  }\n}\n",
        "empty-body",
        id="ts-method",
    ),
    # --- Go, Rust, Java, C and others
    pytest.param("a.go", 'package a\nfunc F() { panic("TODO") }\n', "not-implemented", id="go-panic"),
    pytest.param(
        "a.go",
        'package a\nfunc F() error {\n\treturn errors.New("not implemented")\n}\n',
        "not-implemented",
        id="go-error",
    ),
    pytest.param("a.go", "package a\n// stub implementation\nfunc F() {}\n", "placeholder", id="go-stub"),
    pytest.param(
        "a.go",
        "package a\nfunc (s *S) Stop() {\n\t// close all connections\n}\n",
        "empty-body",
        id="go-a-comment-alone",
    ),
    pytest.param("A.java", "class A { void f() throws X { // connect\n } }\n", "empty-body", id="java-a-comment-alone"),
    pytest.param("a.rs", "fn f(x: u8) {\n    // count it\n}\n", "empty-body", id="rust-a-comment-alone"),
    pytest.param("a.rs", "fn f() { todo!() }\n", "not-implemented", id="rust-todo"),
    pytest.param("a.rs", 'fn f() -> u8 { unimplemented!("later") }\n', "not-implemented", id="rust-unimplemented"),
    pytest.param("a.rs", 'fn f() { panic!("not yet implemented") }\n', "not-implemented", id="rust-panic"),
    pytest.param("a.rs", "/// TODO: docs\nfn f() -> u8 { 1 }\n", "todo", id="rust-doc-comment"),
    pytest.param(
        "A.java",
        'class A { void f() { throw new UnsupportedOperationException("Not implemented yet"); } }\n',
        "not-implemented",
        id="java",
    ),
    pytest.param(
        "A.cs", "class A { void F() { throw new NotImplementedException(); } }\n", "not-implemented", id="csharp"
    ),
    pytest.param("a.kt", "fun f(): Int = TODO()\n", "not-implemented", id="kotlin"),
    pytest.param("a.scala", "def f: Int = ???\n", "not-implemented", id="scala"),
    pytest.param("a.cpp", 'int f() { throw std::logic_error("not implemented"); }\n', "not-implemented", id="cpp"),
    pytest.param("a.c", 'int f(void) { assert(0 && "not implemented"); }\n', "not-implemented", id="c-assert"),
    pytest.param("a.c", "int f(void) {\n  /* dummy */\n  return 0;\n}\n", "invented", id="c-dummy"),
    pytest.param("a.rb", "def f\n  raise NotImplementedError\nend\n", "not-implemented", id="ruby"),
    pytest.param(
        "a.php", "<?php\nfunction f() { throw new Exception('Not implemented'); }\n", "not-implemented", id="php"
    ),
    pytest.param("a.swift", 'func f() { fatalError("not implemented") }\n', "not-implemented", id="swift"),
    pytest.param("a.sh", 'deploy() {\n  echo "not implemented"\n}\n', "not-implemented", id="shell-echo"),
    pytest.param("run", "#!/bin/sh\n# TODO: x\n", "todo", id="shell-by-its-first-line"),
    pytest.param("a.sql", "-- FIXME: index\nSELECT 1;\n", "todo", id="sql"),
    pytest.param("a.proto", "// TODO: fields\nmessage A {}\n", "todo", id="proto"),
    pytest.param("a.yaml", "# TODO: port\na: 1\n", "todo", id="yaml"),
    pytest.param("Dockerfile", "# TODO: pin\nFROM x\n", "todo", id="dockerfile"),
    pytest.param("a.html", "<!-- TODO: footer -->\n", "todo", id="html"),
    pytest.param("a.css", "/* placeholder code */ a { color: red }\n", "placeholder", id="css"),
]

MUST_PASS = [
    # --- Python: bodies that are meant to be empty
    pytest.param("a.py", "class A(ABC):\n    @abstractmethod\n    def f(self): ...\n", id="py-abstract"),
    pytest.param("a.py", "class A:\n    @abc.abstractmethod\n    def f(self):\n        raise NotImplementedError\n", id="py-abstract-raise"),
    pytest.param("a.py", "class P(Protocol):\n    def f(self) -> int: ...\n", id="py-protocol"),
    pytest.param("a.py", "class P(typing.Protocol[T]):\n    def f(self) -> int: ...\n", id="py-generic-protocol"),
    pytest.param("a.py", "@overload\ndef f(x: int) -> int: ...\ndef f(x): return x\n", id="py-overload"),
    pytest.param("a.py", "class Base:\n    def f(self):\n        raise NotImplementedError\n", id="py-base-class"),
    pytest.param("a.py", "class A:\n    def f(self):\n        raise NotImplementedError('subclasses must override')\n", id="py-for-subclasses"),
    pytest.param("a.py", "class A(Exception):\n    pass\n", id="py-exception"),
    pytest.param("a.py", 'class A(Exception):\n    """It broke."""\n', id="py-exception-docstring"),
    pytest.param("a.py", "@click.group()\ndef cli():\n    pass\n", id="py-click-group"),
    pytest.param("a.py", "def noop(*args):\n    pass\n", id="py-noop"),
    pytest.param("a.py", "class NullLog:\n    def write(self, x):\n        pass\n", id="py-null-object"),
    pytest.param("a.py", "class H(Handler):\n    def log_message(self, *a):\n        pass  # silence the server\n", id="py-explained"),
    pytest.param("a.py", 'def f(x):\n    """Does nothing: the base has no state."""\n', id="py-docstring-explains"),
    pytest.param("a.py", "class A:\n    def __init__(self):\n        pass\n", id="py-init"),
    pytest.param("a.py", "try:\n    f()\nexcept ValueError:\n    pass\n", id="py-except-pass"),
    pytest.param("a.py", "for _ in x:\n    pass\n", id="py-loop-pass"),
    pytest.param("a.py", "if TYPE_CHECKING:\n    def f() -> int: ...\n", id="py-type-checking"),
    pytest.param("a.py", "if sys.platform == 'x':\n    class L:\n        def f(self):\n            raise NotImplementedError\n", id="py-not-on-this-platform"),
    pytest.param("a.pyi", "def f() -> int: ...\n", id="py-stub-file"),
    pytest.param("tests/test_a.py", "class Fake:\n    def send(self): pass\n", id="py-test-double"),
    pytest.param("tests/test_a.py", "# a mock that returns fake data\nx = Mock()\n", id="py-test-may-say-mock"),
    pytest.param("a.py", "def f(x):\n    raise NotImplementedError(f'{x} on this platform')\n    return 1\n", id="py-unsupported"),
    pytest.param("a.py", "@singledispatch\ndef f(x):\n    raise NotImplementedError\n", id="py-singledispatch"),
    pytest.param("a.py", 'class A:\n    """Interface of every store."""\n    def f(self):\n        raise NotImplementedError\n', id="py-class-to-derive"),
    pytest.param("a.py", "class H(BaseHTTPRequestHandler):\n    def log_message(self, *a):\n        pass\n", id="py-log-message"),
    pytest.param("a.test.js", "it('adds', () => { expect(add(1, 2)).toBe(3) })\nconst s = \"it('x', () => {})\";\n", id="js-test"),
    pytest.param("a.js", "const it = (n, f) => f();\nit('x', () => {})\n", id="js-no-test-file"),
    # --- words that are no admission
    pytest.param("a.py", "# TODO items of the user, newest first\nx = 1\n", id="py-todo-items"),
    pytest.param("a.py", 'def f():\n    """TODO items of the user."""\n    return g()\n', id="py-todo-docstring-of-a-todo-app"),
    pytest.param("a.py", "# In the real world, clocks drift\nx = 1\n", id="py-real-world"),
    pytest.param("a.py", "x = 'TODO: buy milk'\n", id="py-string"),
    pytest.param("a.py", 'x = """\n# TODO: in a text\n"""\n', id="py-long-string"),
    pytest.param("a.py", "x = f'# FIXME {y}'\n", id="py-f-string"),
    pytest.param("a.py", "# reads the TODO list of the user\nx = 1\n", id="py-about-todo"),
    pytest.param("a.py", "# counts TODOs in a file\nx = 1\n", id="py-todos"),
    pytest.param("a.py", "todo = Todo()  # the todo that was clicked\n", id="py-todo-app"),
    pytest.param("a.py", "# format: XXX-XXXX\nx = 1\n", id="py-xxx-format"),
    pytest.param("a.py", "# SQL placeholders are `?`\nx = 1\n", id="py-sql-placeholders"),
    pytest.param("a.py", "# fills each placeholder of the template\nx = 1\n", id="py-template"),
    pytest.param("a.py", "# the gRPC stub that talks to the server\nx = Stub(c)\n", id="py-grpc-stub"),
    pytest.param("a.py", "# this is not a stub\nx = 1\n", id="py-negated"),
    pytest.param("a.py", "# no mock data: the real table\nx = 1\n", id="py-no-mock"),
    pytest.param("a.py", "# never returns fake results\ndef f():\n    return g()\n", id="py-never-fake"),
    pytest.param("a.py", "# hackathon dates\nx = 1\n", id="py-hackathon"),
    pytest.param("a.py", "# a replacement for nowait\nx = 1\n", id="py-for-nowait"),
    pytest.param("a.py", "def f(x):\n    return NotImplemented\n", id="py-not-implemented-value"),
    pytest.param("a.py", "# 501 is `Not Implemented`\nSTATUS = {501: 'Not Implemented'}\n".replace("# 501 is `Not Implemented`\n", ""), id="py-501"),
    pytest.param("a.js", 'const s = "// TODO: x";\n', id="js-string"),
    pytest.param("a.js", "const s = `TODO ${x} // FIXME`;\n", id="js-template"),
    pytest.param("a.jsx", 'const A = () => <input placeholder="for now" />;\n', id="jsx-attribute"),
    pytest.param("a.ts", "// the placeholder text of the input\nf();\n", id="ts-placeholder-text"),
    pytest.param("a.ts", "interface A { f(): void; }\nabstract class B { abstract g(): void; }\n", id="ts-declarations"),
    pytest.param("a.js", 'class A { f() { throw new Error("not implemented: subclasses must override"); } }\n', id="js-abstract"),
    pytest.param("a.js", "const noop = () => {};\nclass A { close() {} }\n", id="js-empty-braces"),
    pytest.param("a.js", "function close() {\n  // nothing to close\n}\n", id="js-explained"),
    pytest.param("a.js", "try { f() } catch (e) {\n  // the file may be gone\n}\n", id="js-catch"),
    pytest.param("a.js", "if (f(x)) {\n  // the usual case\n} else { g() }\n", id="js-if"),
    pytest.param("a.go", "package a\nfunc F() {\n\tif i := g(); h(i) {\n\t\t// the usual case\n\t} else {\n\t\tg()\n\t}\n}\n", id="go-if"),
    pytest.param("a.rs", "fn f() { while g(1) {\n // waits\n} h() }\n", id="rust-while"),
    pytest.param("a.js", "f(x); // calls f\nconst o = {};\ng({\n});\n", id="js-objects"),
    pytest.param("a.ts", "function f() { return 1; } // one\nconst g = () => {}; // none\n", id="ts-comment-behind"),
    pytest.param("a.go", "package a\nfunc (n Null) Write() {\n\t// does not write\n}\n", id="go-explained"),
    pytest.param("a.js", 'res.status(501).send("Not Implemented");\n', id="js-501"),
    pytest.param("a.go", 'package a\nvar ErrNotImplemented = errors.New("not implemented")\n', id="go-sentinel"),
    pytest.param("a.go", 'package a\nfunc F(w W) { http.Error(w, "Not Implemented", 501) }\n', id="go-501"),
    pytest.param("a.go", "package a\ntype I interface { F() error }\n", id="go-interface"),
    pytest.param("a.rs", "trait T { fn f(&self); }\n// the todo list\nfn todo() {}\n", id="rust-trait"),
    pytest.param("a.rs", 'fn f() { println!("todo!()"); }\n', id="rust-string"),
    pytest.param("A.java", "interface A { void f(); }\nabstract class B { abstract void g(); }\n", id="java-declarations"),
    pytest.param("A.java", 'class A { void f() { throw new UnsupportedOperationException("read-only"); } }\n', id="java-unsupported"),
    pytest.param("a.rb", "def f\n  raise NotImplementedError, 'a subclass must define it'\nend\n", id="ruby-abstract"),
    pytest.param("a.swift", 'required init?(coder: NSCoder) { fatalError("init(coder:) has not been implemented") }\n', id="swift-boilerplate"),
    pytest.param("a.sh", "f=$(mktemp /tmp/x.XXXXXX)\n", id="shell-mktemp"),
    pytest.param("a.css", "input::placeholder { color: red }\n", id="css-placeholder"),
    pytest.param("a.html", '<input placeholder="TODO">\n', id="html-attribute"),
    pytest.param("a.sql", "INSERT INTO todo VALUES ('TODO: x');\n", id="sql-string"),
    pytest.param("a.kt", 'val s = "TODO()"\n', id="kotlin-string"),
    pytest.param("a.c", "/* the dummy head of the list */\nstruct node head;\n", id="c-dummy-head"),
    pytest.param("a.yaml", 'a: "# TODO: x"\n', id="yaml-string"),
]  # fmt: skip


def hits(name: str, text: str) -> list[str]:
    language = lexer_name(name, text.split("\n", 1)[0])
    assert language, name
    return [hit.rule for hit in placeholders(name, text, language)]


@pytest.mark.parametrize(("name", "text", "rule"), MUST_FIND)
def test_a_placeholder_is_found(name: str, text: str, rule: str) -> None:
    assert rule in hits(name, text)


@pytest.mark.parametrize(("name", "text"), MUST_PASS)
def test_what_only_looks_like_one_is_not(name: str, text: str) -> None:
    assert hits(name, text) == []


# --- which lines, which files


def found(sandbox: Sandbox, *allow: str, base: str | None = None) -> list[str]:
    report = find_placeholders(Changes(str(sandbox.root), base), allow)
    return [f"{f.path}:{f.line} {f.rule}" for f in report.findings]


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    made = make_sandbox(tmp_path / "project")
    made.write("old.py", "# TODO: old\nx = 1\n")
    made.commit()
    return made


def test_only_added_lines_are_judged(sandbox: Sandbox) -> None:
    sandbox.write("old.py", "# TODO: old\nx = 2\n# TODO: new\n")
    sandbox.write("new file.py", "# FIXME\n")
    assert found(sandbox) == ["new file.py:1 todo", "old.py:3 todo"]


def test_the_base_decides_what_is_new(sandbox: Sandbox) -> None:
    first = sandbox.git("rev-parse", "HEAD").strip()
    sandbox.write("a.py", "# TODO: x\n")
    sandbox.commit()
    assert found(sandbox) == []
    assert found(sandbox, base=first) == ["a.py:1 todo"]
    assert found(sandbox, base=f"{first}^{{tree}}") == ["a.py:1 todo"]


def test_in_a_repository_without_a_commit_everything_is_new(tmp_path: Path) -> None:
    empty = make_sandbox(tmp_path / "empty", commits=False)
    empty.write("a.py", "# TODO: x\n")
    assert found(empty) == ["a.py:1 todo"]


@pytest.mark.parametrize(
    ("allow", "left"),
    [
        pytest.param("src/**", ["b.py:1 todo", "b.py:2 for-now"], id="glob"),
        pytest.param("b.py", ["src/a.py:1 todo"], id="path"),
        pytest.param("TODO", ["b.py:2 for-now"], id="word"),
        pytest.param("for-now", ["b.py:1 todo", "src/a.py:1 todo"], id="rule"),
        pytest.param("TOD", ["b.py:1 todo", "b.py:2 for-now", "src/a.py:1 todo"], id="part-of-a-word-is-none"),
    ],
)
def test_the_specification_makes_exceptions(sandbox: Sandbox, allow: str, left: list[str]) -> None:
    sandbox.write("src/a.py", "# TODO: x\n")
    sandbox.write("b.py", "# TODO: x\n# only one for now\n")
    assert found(sandbox, allow) == left


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("README.md", "TODO: write\n", id="document"),
        pytest.param("notes.txt", "# TODO: x\n", id="text"),
        pytest.param("data.json", '{"a": "TODO: x"}\n', id="data"),
        pytest.param("tests/fixtures/a.py", "# TODO: x\n", id="fixture"),
        pytest.param("testdata/a.go", "// TODO: x\n", id="testdata"),
        pytest.param("node_modules/a/index.js", "// TODO: x\n", id="dependency"),
        pytest.param("a_pb2.py", "# TODO: x\n", id="generated-by-name"),
        pytest.param(
            "a.go", "// Code generated by protoc-gen-go. DO NOT EDIT.\n// TODO: x\n", id="generated-by-its-head"
        ),
    ],
)
def test_what_is_no_code_of_ours_is_left_out(sandbox: Sandbox, name: str, text: str) -> None:
    sandbox.write(name, text)
    assert found(sandbox) == []


def test_a_word_of_generated_far_below_is_no_head(sandbox: Sandbox) -> None:
    sandbox.write("a.py", "x = 1\n" * 40 + "# Code generated by hand. DO NOT EDIT\n# TODO: x\n")
    assert found(sandbox) == ["a.py:42 todo"]


def test_files_of_every_nasty_kind_do_not_stop_it(sandbox: Sandbox) -> None:
    root = sandbox.root
    (root / "latin.py").write_bytes(b"# caf\xe9\n# TODO: x\n")
    (root / "binary.py").write_bytes(b"\0\1\2# TODO: x\n")
    (root / "bom.py").write_bytes(b"\xef\xbb\xbf# TODO: x\r\nx = 1\r\n")
    (root / "huge.py").write_bytes(b"# TODO: x\n" * 200_000)
    (root / "long.js").write_text("var a = '" + "x/" * 400_000 + "'; // TODO: x\n// TODO: y\n")
    (root / "long.py").write_text("a = '" + "x/" * 400_000 + "'  # TODO: x\n")
    (root / "deep.py").write_text("x = " + "(" * 2_000 + ")" * 2_000 + "  # TODO: x\n")
    (root / "nul.js").write_bytes(b"a\n" * 5_000 + b"\0\n// TODO: x\n")
    (root / "empty.py").write_text("")
    (root / "link.py").symlink_to("old.py")
    (root / "dangling.py").symlink_to("nowhere")
    (root / "loop.py").symlink_to("loop.py")
    changes = Changes(str(root))
    report = find_placeholders(changes)
    assert {f.path for f in report.findings} == {"latin.py", "bom.py", "long.js", "long.py", "deep.py", "nul.js"}
    assert sorted(note.partition(":")[0] for note in report.notes) == ["binary.py", "huge.py"]


def test_a_text_that_a_lexer_cannot_read_in_time_is_never_a_pass(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fermata.inspections.scan.SECONDS", 0.2)
    sandbox.write("a.php", "<?php // for now\n" + "<<<A\n" * 100_000)
    with pytest.raises(Misuse, match=r"a\.php: .* could not be read within 0.2 s"):
        found(sandbox)


def test_more_code_than_one_inspection_reads_is_said_and_data_does_not_count(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fermata.inspections.changes.MAX_TOTAL", 1_000)
    sandbox.write("data.json", "1" * 5_000)
    sandbox.write("a.py", "x = 1\n" * 100)
    assert found(sandbox) == []
    sandbox.write("b.py", "x = 1\n" * 100)
    with pytest.raises(Misuse, match="inspect in smaller parts"):
        found(sandbox)


@pytest.mark.long
def test_a_thousand_changed_files_take_seconds(sandbox: Sandbox) -> None:
    body = "def f(x):\n    return x + 1  # adds\n" * 40
    for number in range(1_000):
        sandbox.write(f"m{number % 20}/f{number}.py", body)
    sandbox.write("m0/last.py", "# TODO: x\n")
    began = time.perf_counter()
    assert found(sandbox) == ["m0/last.py:1 todo"]
    assert time.perf_counter() - began < 15


@pytest.mark.parametrize("base", ["nothing", "-rf", "HEAD~99", "a\nb", ""], ids=repr)
def test_a_base_that_is_none_is_said(sandbox: Sandbox, base: str) -> None:
    if not base:
        assert found(sandbox, base=base) == []
        return
    with pytest.raises(Misuse, match="give a commit, a tree or a branch"):
        found(sandbox, base=base)


def test_nothing_of_the_user_s_is_touched(sandbox: Sandbox) -> None:
    sandbox.write("a.py", "# TODO: x\n")
    before = sandbox.state()
    found(sandbox)
    assert sandbox.state() == before


def test_the_tables_are_not_cut_short() -> None:
    assert len(MUST_FIND) >= 70
    assert len(MUST_PASS) >= 55
