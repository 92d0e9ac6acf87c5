"""What the platform's REST API answers, as far as the command line uses it. Unknown fields are ignored."""

from msgspec import Struct, field


class User(Struct):
    id: str
    email: str
    name: str | None = None
    role: str | None = None


class Tokens(Struct):
    access_token: str
    refresh_token: str
    expires_in: float
    user: User


class Part(Struct):
    number: int
    offset: int
    size: int
    url: str = ""
    received: bool = False
    sha256: str = ""


class SignedPart(Struct):
    number: int
    url: str


class SignedParts(Struct):
    parts: list[SignedPart]


class Upload(Struct):
    id: str
    video_id: str
    part_size: int
    parts: list[Part]
    state: str = "open"  # or completed


class Damage(Struct):
    message: str


class Video(Struct):
    id: str
    title: str
    state: str
    reason: str | None = None
    visibility: str = "public"
    created_at: str | None = None
    duration_s: float | None = None
    width: int | None = None
    height: int | None = None
    hls_url: str | None = None
    dash_url: str | None = None
    playable_after_s: float | None = None
    ready_after_s: float | None = None


class RungStatus(Struct):
    name: str
    encoded: int = 0
    total: int = 0
    placed: int = 0


class Status(Struct):
    id: str
    state: str
    reason: str | None = None
    stage: str | None = None
    renditions: list[RungStatus] = field(default_factory=list)
    playable_after_s: float | None = None
    ready_after_s: float | None = None
    indexed: bool = False
    attempts: int = 0
    damage: Damage | None = None
    source_kept: str | None = None


class LostObject(Struct):
    key: str
    reason: str


class ScrubStatus(Struct):
    due: int
    due_bytes: int
    checked: int
    checked_bytes: int
    damaged: int
    repaired: int
    lost_count: int
    lost: list[LostObject]


class Garbage(Struct):
    node_id: str
    key: str
    upload: str
    size: int
    due_at: str


class GarbageList(Struct):
    total: int
    total_bytes: int
    garbage: list[Garbage]


class Leftover(Struct):
    video_id: str
    where: str
    what: str


class Purged(Struct):
    videos: list[str]
    left: list[Leftover]
    next: str | None = None


class Tier(Struct):
    objects: int
    bytes: int
    replicas: int
    stored_bytes: int


class StorageReport(Struct):
    hot: Tier
    cold: Tier
    sources: Tier
    replication_factor: int
    replicated_bytes: int
    stored_bytes: int
    saved_bytes: int
    waiting_removals: int
    freeze_after_days: int
    freezing: str


class Node(Struct):
    id: str
    kind: str
    location: str
    zone: str
    weight: float
    state: str
    health: str
    share: float
    objects: int
    shards: int
    bytes: int
    free: int | None


class Rebalance(Struct):
    state: str
    objects: int
    seen: int
    copied: int
    copied_bytes: int
    dropped: int
    waiting: int
    reason: str | None


class NodeOverview(Struct):
    nodes: list[Node]
    rebalance: Rebalance
