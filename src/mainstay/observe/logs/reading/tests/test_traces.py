"""Stack traces of five languages as objects."""

import pytest

from mainstay.observe.logs.reading.traces import trace_of

PYTHON = """payment failed
Traceback (most recent call last):
  File "/srv/shop/gateway.py", line 41, in charge
    answer = session.post(url)
  File "/usr/lib/python3.11/site-packages/urllib3/pool.py", line 800, in urlopen
    raise MaxRetryError()
urllib3.exceptions.MaxRetryError: no route

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/shop/orders.py", line 12, in place
    gateway.charge(order)
shop.errors.PaymentFailed: order 4711"""
JAVA = """order 12 failed
org.example.shop.OrderException: order 12
\tat org.example.shop.Orders.place(Orders.java:41)
\tat org.example.shop.Http.handle(Http.java:12)
Caused by: java.sql.SQLTransientException: no connection
\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:181)
\tat org.example.shop.Store.open(Store.java:77)
\t... 12 more"""
DOTNET = """Unhandled exception. Shop.OrderException: order 12
 ---> System.InvalidOperationException: sequence empty
   at System.Linq.ThrowHelper.ThrowNoElements()
   at Shop.Basket.First(Int32 id) in /src/Basket.cs:line 12
   --- End of inner exception stack trace ---
   at Shop.Orders.Place(Order order) in /src/Orders.cs:line 40"""
GO = """panic: runtime error: index out of range [3] with length 3

goroutine 1 [running]:
main.(*Basket).First(0xc000012345, 0x3)
\t/src/basket.go:12 +0x1d
main.main()
\t/src/main.go:7 +0x20
exit status 2"""
NODE = """charge failed TypeError: Cannot read properties of undefined (reading 'id')
    at charge (/srv/shop/pay.js:10:15)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)
    at async place (/srv/shop/order.js:5:3)"""


@pytest.mark.parametrize(
    ("text", "exception", "causes", "frame"),
    [
        (PYTHON, "shop.errors.PaymentFailed", ("urllib3.exceptions.MaxRetryError",), "charge"),
        (JAVA, "org.example.shop.OrderException", ("java.sql.SQLTransientException",), "org.example.shop.Store.open"),
        (DOTNET, "Shop.OrderException", ("System.InvalidOperationException",), "Shop.Basket.First"),
        (GO, "runtime error", (), "main.(*Basket).First"),
        (NODE, "TypeError", (), "charge"),
    ],
    ids=["python", "java", "dotnet", "go", "node"],
)
def test_what_was_thrown_its_causes_and_the_first_own_frame(
    text: str, exception: str, causes: tuple[str, ...], frame: str
) -> None:
    found = trace_of(text)
    assert found
    assert (found.exception, found.causes, found.frame) == (exception, causes, frame)


def test_messages_and_line_numbers_do_not_change_the_fingerprint() -> None:
    first, other = trace_of(JAVA), trace_of(JAVA.replace("order 12", "order 99").replace("java:41", "java:42"))
    assert first
    assert other
    assert first.fingerprint == other.fingerprint


def test_another_failure_has_another_fingerprint() -> None:
    first, other = trace_of(JAVA), trace_of(JAVA.replace("Store.open", "Store.close"))
    assert first
    assert other
    assert first.fingerprint != other.fingerprint


@pytest.mark.parametrize("text", ["", "order paid", "we meet at noon\n  at the corner", "Error: x", "a\nb\nc"])
def test_what_is_no_trace(text: str) -> None:
    assert trace_of(text) is None
