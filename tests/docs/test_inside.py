"""The house on the page is that of the plan, and says of each room what the room says."""

from docs import inside
from tests.test_house import HOUSES


def test_the_house_is_that_of_the_plan():
    assert inside.PICTURE.read_text() == inside.picture(), "stale: run `python -m docs.inside`"
    assert inside.PAGE.read_text() == inside.written(), "stale: run `python -m docs.inside`"


def test_each_room_is_in_the_picture_and_in_a_table():
    picture, table = inside.picture(), inside.table()
    for package, floors in HOUSES.items():
        for room in (room for floor in floors for room in floor):
            assert picture.count(f'class="room {package.__name__}-{room}') == 1
            assert f"| `{room}` | " in table
    assert picture.count('<div class="floor">') == sum(map(len, HOUSES.values()))
