"""What an edit does is read from the few tokens that came and went, and a tidying from how many are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.learn.diagnosis.domain import edits
from mainstay.learn.diagnosis.domain.symptoms import Group

pytestmark = pytest.mark.once


def of(diff: str) -> edits.Edit:
    lines = diff.splitlines()
    return edits.of(*([one[1:] for one in lines if one.startswith(sign)] for sign in "+-"))


@pytest.mark.parametrize(
    ("diff", "said", "effect"),
    [
        ("-  delete(h.rooms, c.id)\n+  h.rooms[c.id] = left", "no longer calls delete", Group.STARVED),
        ("-  ORDER BY at LIMIT 50\n+  ORDER BY at", "takes a limit away: LIMIT", Group.SLOW),
        ("-  return loaders.user.load(id)\n+  return users.get(id)", "takes loaders away", Group.BUSY),
        ("-if token is None:\n-  raise Denied\n+pass", "takes a check away", Group.FAILING),
        ("-  await store.save(one)\n+  store.save(one)", "no longer awaits", Group.FAILING),
        ("-  expires(ttl, TimeUnit.SECONDS)\n+  expires(ttl, TimeUnit.MILLIS)", "unit: seconds → millis", Group.SLOW),
        ("-level: info\n+level: debug", "sets level anew", Group.STARVED),
        ("-send('orders.done.v1', one)\n+send('order.done.v1', one)", "changes a value", Group.FAILING),
        ("-  MAIL_TOKEN: post/token\n+  MAIL_API_TOKEN: post/token", "renames a key", Group.FAILING),
        ("-  read(path, strict=True)\n+  read(path, strict=False)", "changes a value", Group.FAILING),
        ("-if a.total >= b.total:\n+if a.total > b.total:", "changes a condition", Group.ODD),
        ("-  amount = minor / scale\n+  amount = minor", "computes otherwise", Group.ODD),
        (
            "-  string id = 1;\n-  int64 grams = 2;\n+  string id = 1;\n+  string ref = 2;\n+  int64 grams = 3;",
            "anew",
            Group.FAILING,
        ),
        ("+ALTER TABLE entries ADD COLUMN region text;", "tables while they are in use", Group.SLOW),
        ("+  rows = run('SELECT a FROM b WHERE c = 1')", "asks a database for more", Group.SLOW),
        ("-NAME = re('^[a-z .]{1,64}$')\n+NAME = re('^(?:[a-z.]+[ ]?)+$')", "a pattern", Group.STARVED),
        (
            "-  for x in xs:\n-    add(x)\n+  for x in xs:\n+    add(client.fetch(x.id))",
            "where there is a loop",
            Group.SLOW,
        ),
        ("-  m.rlock()\n-  v = get(k)\n+  m.lock()\n+  v = get(k)", "locks otherwise", Group.SLOW),
    ],
)
def test_what_can_do_harm_is_named(diff: str, said: str, effect: Group) -> None:
    found = of(diff)
    assert said in found.said
    assert effect in found.effects
    assert found.power >= 0.45


@pytest.mark.parametrize(
    "diff",
    [
        "-  c = request.context()\n-  return fetch(c, q)\n+  ctx = request.context()\n+  return fetch(ctx, q)",
        "-  log.info('took %s', took)\n+  log.info('took_ms=%s', took)",
        "-  <div className='card'>\n+  <div className='card card--wide'>",
        "-import a\n+import a\n+import b",
        "-  const accent = '#3b82f6'\n+  const accent = '#2563eb'",
        "-  padding-left: 2em\n+  padding-left: 3em",
    ],
)
def test_what_tidies_can_do_little(diff: str) -> None:
    assert of(diff).power <= 0.25


def test_a_constant_is_no_field_of_a_message() -> None:
    assert "fields" not in of("-const WORKERS = 4;\n+const WORKERS = 6;").said


@pytest.mark.parametrize(
    "diff",
    [
        '-  key := fmt.Sprintf("%s:%s:%s", ns, market, sku)\n+  key := fmt.Sprintf("%s:%s", ns, sku)',
        "-  margin = price - cost(sku, day)\n+  margin = price - cost(sku)",
        "-  require(amount > 0)\n+  pass",
        "-  from orders\n-  where day = :day limit 50\n+  from orders\n+  where day = :day",
    ],
)
def test_what_only_sounds_like_telling_or_dressing_can_do_some(diff: str) -> None:
    assert "only what is told" not in of(diff).said


def test_a_helper_that_the_patch_brings_asks_nobody() -> None:
    before = "-  for c in found:\n-    c.score = w * c.rate\n"
    after = "+  for c in found:\n+    c.score = score_of(c, w)\n+def score_of(c, w):\n+  return w * c.rate"
    assert "loop" not in of(before + after).said


@given(st.lists(st.text(max_size=60), max_size=8), st.lists(st.text(max_size=60), max_size=8))
def test_any_lines_are_understood(added: list[str], removed: list[str]) -> None:
    found = edits.of(added, removed)
    assert 0 < found.power < 1
    assert found.said
