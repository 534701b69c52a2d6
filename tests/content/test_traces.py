import pytest

from tersely.content.traces import find_traces

PYTHON = """start
Traceback (most recent call last):
  File "/app/main.py", line 3, in <module>
    run()
    ~~~^^
  File "/x/site-packages/click/core.py", line 78, in main
    rv = self.invoke(ctx)
  File "/app/db.py", line 5, in run
    connect()
  [Previous line repeated 3 more times]
  File "/x/site-packages/pg/x.py", line 12, in connect
ConnectionError: refused
end"""
JAVA = """ERROR order failed
java.lang.IllegalStateException: no stock
\tat org.springframework.web.Foo.bar(Foo.java:12)
\tat com.acme.Stock.take(Stock.java:41)
\tat com.acme.Shop.order(Shop.java:17)
\tat com.acme.Main.main(Main.java:1)
\t... 23 more"""
GO = """panic: boom

goroutine 1 [running]:
runtime.goPanicIndex(0x5, 0x3)
\t/usr/local/go/src/runtime/panic.go:88 +0x99
main.(*T).pick(...)
\t/app/main.go:8
created by main.main
\t/app/main.go:4 +0x1d
exit status 2"""
NODE = """TypeError: x
    at Object.<anonymous> (/app/node_modules/express/lib/router.js:1:1)
    at price (/app/src/price.js:3:11)
    at Module._compile (node:internal/modules/cjs/loader:1105:14)
    at /app/src/cart.js:9:5
    at async main (/app/index.js:2:3)"""
NET = """System.NullReferenceException: Object reference not set.
   at System.Threading.Tasks.Task.Run()
   at Acme.Shop.Order(Int32 id) in C:\\src\\Shop.cs:line 41
   at Acme.Program.Main(String[] args)"""
RUBY = """app.rb:3:in `go': boom (RuntimeError)
\tfrom /usr/lib/gems/rake/x.rb:3:in `run'
\tfrom app.rb:9:in `<main>'"""

TRACES = {  # frames, heads, inner
    PYTHON: (((2, 5), (5, 7), (7, 10), (10, 11)), (1, 11), (2, 0)),
    JAVA: (((2, 3), (3, 4), (4, 5), (5, 6), (6, 7)), (1,), (1, 2)),
    GO: (((3, 5), (5, 7), (7, 9)), (2,), (1, 2)),
    NODE: (((1, 2), (2, 3), (3, 4), (4, 5), (5, 6)), (0,), (1, 3)),
    NET: (((1, 2), (2, 3), (3, 4)), (0,), (1, 2)),
    RUBY: (((1, 2), (2, 3)), (0,), (1,)),
}


@pytest.mark.parametrize(("text", "expected"), TRACES.items())
def test_frames_heads_and_own_frames_nearest_to_the_error_are_found(text, expected):
    (trace,) = find_traces(text.split("\n"))
    assert (trace.frames, trace.heads, trace.inner) == expected


def test_where_no_frame_is_own_code_the_nearest_matters():
    (trace,) = find_traces(["E: x", "\tat java.util.A.b(A.java:1)", "\tat java.util.C.d(C.java:2)"])
    assert trace.inner == (0,)


def test_the_same_stack_has_the_same_signature():
    other = JAVA.replace("Stock.java:41", "Stock.java:42")
    traces = find_traces("\n".join([JAVA, other, JAVA]).split("\n"))
    assert [t.signature == traces[0].signature for t in traces] == [True, False, True]


@pytest.mark.parametrize(
    "line",
    ["at home (all day)", "  at the office", "  from here: there", "    x = 1", "", "\t/a.go:1"],
)
def test_indented_prose_is_no_frame(line):
    assert find_traces(["What?", line, "So."]) == [] or line.endswith("go:1")


def test_a_frame_may_be_the_first_line_or_the_last():
    (trace,) = find_traces(["    at f (a.js:1:2)"])
    assert (trace.frames, trace.heads, trace.inner) == (((0, 1),), (), (0,))
