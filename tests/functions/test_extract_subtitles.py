"""extract_subtitles: every text subtitle track as a WebVTT file, a side branch: without them a video is a video."""

from events import SegmentPlaced, VideoFailed, VideoPlanned
from shared.storage.nodes.location import local_stores
from tests.conftest import Database, Wadi
from tests.films.film import Film, absent, planned, short_file, tracks_file, uploaded
from tests.films.stored import recorded
from tests.functions.people import Person, assert_problem
from tests.functions.waking import deliver

GERMAN = """WEBVTT
X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000

00:00:00.500 --> 00:00:02.000
Guten <b>Tag</b> &amp; <i>willkommen</i>
in der Wüste

00:00:01.500 --> 00:00:03.000
5 &lt; 6

00:00:20.000 --> 00:00:28.000
Bis zum Ende
"""


def extract(film: Film) -> None:
    answer = deliver("extract_subtitles", VideoPlanned(film.id))
    assert answer.status_code == 204, answer.text


def rows(film: Film) -> list[dict[str, object]]:
    return film.database.all("select * from subtitle where video_id = %s order by rendition", (film.id,))


def stored_text(database: Database, key: str) -> str:
    (node,) = recorded(database, key)
    return b"".join(local_stores()[node].open(key)).decode()


def damage(film: Film) -> None:
    film.source_file.write_bytes(b"x" * film.row["source_size"])


def test_each_track_becomes_a_file(database: Database, creator: Person, wadi: Wadi) -> None:
    film = planned(database, creator, tracks_file())
    extract(film)
    assert film.row["subtitles_done"]
    one, other = rows(film)
    assert (one["rendition"], other["rendition"]) == ("subtitles-1", "subtitles-2")
    for row in (one, other):
        key = str(row["object_key"])
        assert key.startswith(f"videos/{film.id}/{row['rendition']}-")
        assert stored_text(database, key) == GERMAN
        assert row["size"] == len(GERMAN.encode())
    assert list((wadi.data / "work").iterdir()) == []


def test_delivered_again_nothing_happens(database: Database, creator: Person) -> None:
    film = planned(database, creator, tracks_file())
    extract(film)
    before = film.row, rows(film)
    film.lose_source()  # nobody needs it any more
    extract(film)
    assert (film.row, rows(film)) == before


def test_where_there_are_none_the_file_is_not_read(database: Database, creator: Person) -> None:
    film = planned(database, creator, short_file())
    film.lose_source()
    extract(film)
    assert (film.row["subtitles_done"], rows(film)) == (True, [])


def test_before_the_plan_or_after_a_delete_nothing_happens(database: Database, creator: Person) -> None:
    extract(absent(database, creator))
    film = uploaded(database, creator, tracks_file())
    extract(film)
    assert (film.row["subtitles_done"], rows(film)) == (False, [])


def ready_but_for_subtitles(database: Database, creator: Person) -> Film:
    film = planned(database, creator, tracks_file())
    for one in film.segments(encoded=False):
        film.encoded(one["rendition"], one["index"])
    database.all("update media_segment set placed_at = now() where video_id = %s", (film.id,))
    film.set(state="ready", thumbnails_done=True)
    assert film.sent(SegmentPlaced) == []
    return film


def test_the_last_that_a_ready_video_waits_for_lets_its_source_go(database: Database, creator: Person) -> None:
    film = ready_but_for_subtitles(database, creator)
    extract(film)
    assert len(rows(film)) == 2
    (event,) = film.sent(SegmentPlaced)
    assert deliver("release_source", event).status_code == 204
    assert recorded(database, film.row["source_key"]) == set()
    for row in rows(film):
        assert len(recorded(database, str(row["object_key"]))) == 3, "they cannot be made again without the source"


def test_without_its_subtitles_a_source_stays(database: Database, creator: Person) -> None:
    film = ready_but_for_subtitles(database, creator)
    database.all("update video set subtitles_done = true where id = %s", (film.id,))
    assert deliver("release_source", SegmentPlaced(film.id, *_any_segment(film))).status_code == 204
    assert recorded(database, film.row["source_key"]) != set()
    assert any("ubtitle" in reason for reason in film.row["source_kept"])


def _any_segment(film: Film) -> tuple[str, str]:
    one = film.segments(encoded=True)[0]
    return str(one["id"]), str(one["object_key"])


def test_where_none_can_be_made_the_video_goes_on_without(database: Database, creator: Person) -> None:
    film = planned(database, creator, tracks_file())
    damage(film)
    extract(film)
    assert (film.row["subtitles_done"], rows(film), film.state) == (True, [], "planned")
    assert film.sent(VideoFailed) == []


def test_while_the_file_cannot_be_read_it_is_tried_again(database: Database, creator: Person) -> None:
    film = planned(database, creator, tracks_file())
    key = film.row["source_key"]
    database.all("delete from replica where object_key = %s", (key,))
    assert_problem(deliver("extract_subtitles", VideoPlanned(film.id), film.id), 503, "unavailable")
    assert not film.row["subtitles_done"]
    database.all("insert into replica (object_key, node_id) select %s, id from node", (key,))
    assert deliver("extract_subtitles", VideoPlanned(film.id), film.id).status_code == 204
    assert len(rows(film)) == 2
