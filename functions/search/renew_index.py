"""Rebuilds the search index after an update that has changed what a word is."""

from shared.errors import LeaseLost, Unavailable
from shared.runtime.function import Context, ping_function
from shared.search.builder import RebuildUnderWay
from shared.search.rebuild import renew


@ping_function()
def renew_index(context: Context) -> None:
    try:
        done = renew()
    except (Unavailable, RebuildUnderWay, LeaseLost) as error:
        context.log.warning("the search index is not renewed yet: %s", error)
        return
    if done:
        context.log.info("the search index is renewed: %d documents in %s", done.documents, done.name)
