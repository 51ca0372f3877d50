"""The servers that tests start: each test has a database of its own in them."""

import pytest
from sqlalchemy import create_engine, text

pytestmark = pytest.mark.once


@pytest.mark.parametrize("fixture", ["postgres_url", "mariadb_url"])
def test_a_test_has_an_empty_database_in_which_it_may_do_everything(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    engine = create_engine(request.getfixturevalue(fixture))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (id int PRIMARY KEY)"))
        connection.execute(text("INSERT INTO orders VALUES (1), (2)"))
        assert connection.execute(text("SELECT count(*) FROM orders")).scalar_one() == 2
    engine.dispose()
