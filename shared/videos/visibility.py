"""Who may see, list, find and change a video: each rule is written once, and gives a check of a row and its SQL.

An administrator may open every video by its id, to act on a complaint. Lists and searches show an administrator what
they show everybody: public videos and one's own. Otherwise private videos of others would appear among the results
that an administrator shows or shares without thinking of it.

To who may not see a video it does not exist: 404, never 403.
"""

from typing import Any, Protocol, TypeVar

from msgspec import Struct

from shared.db import Transaction
from shared.errors import Problem
from shared.identity import Principal, Role
from shared.videos.state import PRESENT, State, Visibility

WATCHABLE = (State.PLAYABLE, State.READY)


class Viewed(Protocol):
    """What the rules look at."""

    @property
    def owner_id(self) -> str: ...
    @property
    def visibility(self) -> Visibility: ...
    @property
    def state(self) -> State: ...


Row = TypeVar("Row", bound=Viewed)


class Rule(Struct, frozen=True):
    """A video must be in one of `states`, and one of the reasons that are true must apply to it and its viewer."""

    states: tuple[State, ...]
    public: bool = False  # it is public
    owner: bool = False  # it is the viewer's own
    admin: bool = False  # the viewer is an administrator

    def allows(self, video: Viewed, viewer: Principal | None) -> bool:
        """The check of a row. `viewer` is None for a caller without a token."""
        return video.state in self.states and (
            (self.public and video.visibility is Visibility.PUBLIC)
            or (self.owner and viewer is not None and video.owner_id == viewer.user_id)
            or (self.admin and viewer is not None and viewer.role is Role.ADMIN)
        )

    @property
    def sql(self) -> str:
        """The same as a condition on the columns of `video`, for the parameters of `params`."""
        return f"state in %(visible_states)s and ({self.viewer_sql})"

    @property
    def viewer_sql(self) -> str:
        """The part that is about the viewer: for a table with owner_id and visibility, but without a state."""
        reasons = {
            "visibility = %(visible_to_all)s": self.public,
            "owner_id = %(viewer_id)s": self.owner,
            "%(viewer_is_admin)s": self.admin,
        }
        return " or ".join(reason for reason, applies in reasons.items() if applies)

    def params(self, viewer: Principal | None) -> dict[str, Any]:
        """Named parameters of the SQL. `viewer` is None for a caller without a token."""
        if viewer is None:
            return self.params_for(None)
        return self.params_for(viewer.user_id, is_admin=viewer.role is Role.ADMIN)

    def params_for(self, viewer_id: str | None, *, is_admin: bool = False) -> dict[str, Any]:
        """The same where only the account is known, or none."""
        return {
            "visible_states": self.states,
            "visible_to_all": Visibility.PUBLIC,
            "viewer_id": viewer_id,
            "viewer_is_admin": is_admin,
        }


MAY_WATCH = Rule(PRESENT, public=True, owner=True, admin=True)  # by its id: its data, media and messages
MAY_CHANGE = Rule(PRESENT, owner=True, admin=True)
MAY_FIND = Rule(PRESENT, public=True, owner=True)  # by a search, and its messages
LISTED = Rule(WATCHABLE, public=True)
LISTED_AS_OWN = Rule(PRESENT, owner=True)


def check_visible(tx: Transaction, video_id: str, viewer: Principal | None) -> None:
    """Raises Problem not-found when there is no such video that the viewer may watch."""
    if not tx.exists(
        f"select from video where id = %(video)s and {MAY_WATCH.sql}",
        {**MAY_WATCH.params(viewer), "video": video_id},
    ):
        raise not_found(video_id)


def refuse_unless_visible(video: Row | None, video_id: str, viewer: Principal | None) -> Row:
    """The row again. Raises Problem not-found when it is None or not for the viewer."""
    if video is None or not MAY_WATCH.allows(video, viewer):
        raise not_found(video_id)
    return video


def not_found(video_id: str) -> Problem:
    """What a caller is told who may not see the video, or change it."""
    return Problem("not-found", f"There is no video {video_id}.")
