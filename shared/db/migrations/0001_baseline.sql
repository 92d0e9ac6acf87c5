-- The whole schema of Wadi 0.1, grouped by owner.
--
-- A table has one owner: the only package that writes it. The table's comment begins with the name of the owner
-- ("videos: …"). docs/schema.md says which folder that is; a test checks that no other code writes the table.
-- What is not obvious has a comment on its column, index or function. docs/schema.md is generated from all this.


-- ===== outbox: events on their way out, and the topics that are kept in PostgreSQL =====

create table outbox (
    seq        bigint generated always as identity primary key,
    id         text not null,
    topic      text not null,
    key        text not null,
    event      jsonb not null,
    created_at timestamptz not null default now()
);
comment on table outbox is
    'outbox: Events that were committed together with the state they tell of and are not sent yet. '
    'A row is deleted as soon as its topic has the event.';
comment on column outbox.seq is 'The order in which events are sent.';
comment on column outbox.id is 'The id of the CloudEvent.';
comment on column outbox.topic is 'The type of the CloudEvent.';
comment on column outbox.key is 'The partition key: events of one key stay in order.';
comment on column outbox.event is 'The CloudEvent in JSON format.';

create table topic_record (
    position    bigint generated always as identity primary key,
    topic       text not null,
    key         text not null,
    event       jsonb not null,
    appended_at timestamptz not null default now()
);
create index topic_record_topic on topic_record (topic, position);
comment on table topic_record is
    'outbox: The records of all topics, when there is neither Kafka nor a Broker. '
    'Kept for EVENT_RETENTION_HOURS and until every consumer group has had them. '
    'Records are appended under an advisory lock, so positions become visible in order: '
    'a consumer that has read up to one never sees a smaller one appear later.';
comment on column topic_record.position is 'The offset of the record.';
comment on column topic_record.key is 'The partition key.';
comment on column topic_record.event is 'The CloudEvent in JSON format.';

create table dead_letter (
    source      text not null,
    id          text not null,
    type        text not null,
    subject     text,
    destination text,
    code        text,
    detail      text,
    at          timestamptz not null default now(),
    primary key (source, id)
);
comment on table dead_letter is
    'outbox: Events that no retry could get handled, as the dead letter sink received them.';
comment on column dead_letter.source is 'The source of the CloudEvent.';
comment on column dead_letter.id is 'The id of the CloudEvent.';
comment on column dead_letter.subject is 'A video''s id, or that and the index of a segment.';
comment on column dead_letter.destination is 'The URL that did not take the event.';
comment on column dead_letter.code is 'The HTTP status of the last try.';
comment on column dead_letter.detail is 'The answer to the last try, shortened.';


-- ===== delivery: who still has to receive which record of topic_record =====

create table consumer_offset (
    consumer_group text not null,
    topic          text not null,
    position       bigint not null,
    primary key (consumer_group, topic)
);
comment on table consumer_offset is
    'delivery: How far a consumer group is in a topic: up to this record it has got its deliveries.';

create table delivery (
    consumer_group text not null,
    position       bigint not null,
    topic          text not null,
    key            text not null,
    attempt        int not null default 0,
    due_at         timestamptz not null default now(),
    primary key (consumer_group, position)
);
create index delivery_due on delivery (consumer_group, due_at);
create index delivery_key on delivery (consumer_group, key, position);
comment on table delivery is
    'delivery: Records that a consumer group has not handled yet. '
    'A row is deleted when the consumer, or the dead letter sink, has taken the event.';
comment on column delivery.position is 'Of the record in topic_record.';
comment on column delivery.key is 'The partition key of the record.';
comment on column delivery.attempt is 'How many tries have failed.';
comment on column delivery.due_at is 'Not to be tried before; later with each failed try.';
comment on index delivery_key is 'Ordered consumer groups get the first record of a key only.';


-- ===== idempotency: every event is handled once by each consumer =====

create table inbox (
    consumer    text not null,
    source      text not null,
    id          text not null,
    holder      text,
    lease_until timestamptz,
    at          timestamptz not null default now(),
    primary key (consumer, source, id)
);
create index inbox_at on inbox (at);
comment on table inbox is
    'idempotency: The events that a consumer has handled, or is handling. '
    'A row without a holder: handled. With one: a process works on it and holds the lease until lease_until.';
comment on column inbox.source is 'The source of the CloudEvent; source and id together are unique.';
comment on column inbox.id is 'The id of the CloudEvent.';
comment on column inbox.holder is 'The process that works on the event; null: it is handled.';
comment on column inbox.lease_until is 'When another process may take the work over; by the database''s clock.';
comment on index inbox_at is 'Old rows are deleted once no delivery of their event can come any more.';


-- ===== rate_limit: counts that all processes share, when there is no Redis =====

create unlogged table rate_limit (
    name         text not null,
    client       text not null,
    window_start timestamptz not null,
    used         int not null,
    primary key (name, client)
);
comment on table rate_limit is
    'rate_limit: How many requests a client made in the present window. '
    'Unlogged, since each request writes it: after a crash of the server counting begins anew.';
comment on column rate_limit.name is 'Of the limit.';
comment on column rate_limit.client is
    'A network address; for logins the hash of an e-mail address, with the network or without.';
comment on column rate_limit.used is 'Requests since window_start.';


-- ===== identity: accounts and logins =====

create table account (
    id            text primary key,
    email         text not null unique,
    name          text not null,
    password_hash text not null,
    role          text not null check (role in ('USER', 'CREATOR', 'ENTERPRISE', 'ADMIN')),
    created_at    timestamptz not null default now()
);
comment on table account is 'identity: A person who can log in.';
comment on column account.email is
    'In the one spelling that shared/identity/rules.py gives it, so that it is unique.';

create table session (
    id         text primary key,
    account_id text not null references account (id) on delete cascade,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    revoked_at timestamptz
);
create index session_account on session (account_id, expires_at);
comment on table session is
    'identity: One login on one device, with all refresh tokens that came from it: each replaced the one before.';
comment on column session.expires_at is 'When its newest refresh token expires.';
comment on column session.revoked_at is
    'Since then none of its tokens is accepted: it was logged out, or a used token came again.';

create table refresh_token (
    hash       bytea primary key,
    session_id text not null references session (id) on delete cascade,
    expires_at timestamptz not null,
    used_at    timestamptz
);
create index refresh_token_session on refresh_token (session_id);
comment on table refresh_token is
    'identity: The refresh tokens of a session. A used one that comes again is a stolen one.';
comment on column refresh_token.hash is 'SHA-256 of the token; the token itself is not stored.';
comment on column refresh_token.used_at is 'When it was exchanged for the next one.';

create table login_network (
    account_id text not null references account (id) on delete cascade,
    network    text not null,
    seen_at    timestamptz not null default now(),
    primary key (account_id, network)
);
create index login_network_seen on login_network (seen_at);
comment on table login_network is
    'identity: The networks from which an account was logged in to. '
    'Each has its own limit of tries, so wrong passwords from elsewhere do not lock the account''s owner out.';
comment on column login_network.network is 'An IPv4 address, or the /64 of an IPv6 address.';


-- ===== videos: a video, its media segments, and when it was watched =====

create table video (
    id              text primary key,
    owner_id        text not null,
    title           text not null,
    description     text not null default '',
    tags            text[] not null default '{}',
    visibility      text not null default 'public' check (visibility in ('public', 'private')),
    state           text not null default 'uploading' check (
        state in ('uploading', 'uploaded', 'planned', 'playable', 'ready', 'failed', 'deleted')
    ),
    reason          text,
    source_key      text,
    source_name     text,
    source_size     bigint,
    plan            jsonb,
    poster_key      text,
    storyboard      jsonb,
    attempts        int not null default 0,
    audio_done      boolean not null default false,
    thumbnails_done boolean not null default false,
    created_at      timestamptz not null default now(),
    uploaded_at     timestamptz,
    planned_at      timestamptz,
    playable_at     timestamptz,
    ready_at        timestamptz,
    failed_at       timestamptz,
    indexed_at      timestamptz,
    updated_at      timestamptz not null default now(),
    deleted_at      timestamptz,
    emptied_at      timestamptz,
    constraint video_deleted check ((state = 'deleted') = (deleted_at is not null))
);
comment on table video is
    'videos: A video, from the start of its upload on. '
    'The row of a deleted video stays, empty: the handler of an event that comes late finds it and does nothing.';
comment on column video.id is 'A UUIDv7, so ids sort by age.';
comment on column video.owner_id is 'The account that uploaded it.';
comment on column video.reason is 'Why it failed, for a person to read.';
comment on column video.source_key is 'The object key of the uploaded file; null: it is not there yet.';
comment on column video.source_name is 'The file name that the client gave.';
comment on column video.plan is 'What is to be encoded and how: the Plan of shared/media.';
comment on column video.poster_key is 'The object key of the poster.';
comment on column video.storyboard is 'The sprites for the preview when seeking.';
comment on column video.attempts is
    'How often it was taken up again since it last made progress; it fails after MAX_ATTEMPTS.';
comment on column video.audio_done is 'All audio segments are encoded, or there is no audio.';
comment on column video.thumbnails_done is
    'They are made, or cannot be made: the source is not needed for them any more.';
comment on column video.indexed_at is 'When it first was in the search index.';
comment on column video.updated_at is 'When it last made progress.';
comment on column video.emptied_at is 'When its objects and rows were deleted; only rows of removal may be left.';

-- Lists of videos are sorted by id, newest first: each list has an index in that order.
create index video_watchable on video (id desc) where visibility = 'public' and state in ('playable', 'ready');
create index video_of_owner on video (owner_id, id desc);
create index video_source on video (source_key);
create index video_deleted on video (deleted_at) where deleted_at is not null;
-- What reap_stalled looks for each minute. Mostly there is nothing, and then these indexes are empty.
create index video_unfinished on video (updated_at) where state in ('uploaded', 'planned', 'playable');
create index video_not_indexed on video (ready_at) where state = 'ready' and indexed_at is null;
create index video_without_thumbnails on video (planned_at) where plan is not null and not thumbnails_done;
comment on index video_watchable is 'For the list of public videos.';
comment on index video_of_owner is 'For the list of an account''s own videos.';
comment on index video_deleted is 'For finish_removals.';
comment on index video_unfinished is 'For reap_stalled.';
comment on index video_not_indexed is 'For reap_stalled.';
comment on index video_without_thumbnails is 'For reap_stalled.';

create table media_segment (
    id         text primary key,
    video_id   text not null references video (id) on delete cascade,
    rendition  text not null,
    index      int not null,
    object_key text,
    init_key   text,
    start      bigint,
    duration   bigint,
    timescale  int,
    frames     int,
    codecs     text,
    size       bigint,
    sha256     text,
    encoded_at timestamptz,
    placed_at  timestamptz,
    unique (video_id, rendition, index)
);
create index media_segment_object on media_segment (object_key);
create index segment_not_placed on media_segment (encoded_at) where placed_at is null and object_key is not null;
comment on table media_segment is
    'videos: A CMAF segment of one rendition: planned at first, then encoded, then placed.';
comment on column media_segment.rendition is '"1080p" and so on, or "audio".';
comment on column media_segment.index is 'From 0, in the order of playing.';
comment on column media_segment.object_key is 'Null: not encoded yet.';
comment on column media_segment.init_key is 'The object key of the init segment that it is played with.';
comment on column media_segment.start is 'In units of 1/timescale seconds.';
comment on column media_segment.duration is 'In units of 1/timescale seconds.';
comment on column media_segment.codecs is 'As in RFC 6381.';
comment on column media_segment.size is 'In bytes.';
comment on column media_segment.placed_at is 'When all its replicas were durable.';
comment on index segment_not_placed is 'For reap_stalled.';

create function notify_video() returns trigger language plpgsql as $$
begin
    perform pg_notify('wadi_video', case tg_table_name when 'video' then new.id else to_jsonb(new) ->> 'video_id' end);
    return null;
end $$;
comment on function notify_video() is
    'Tells the streams that follow a video (GET /api/videos/{id}/status/stream) that something changed; '
    'the payload is its id.';
create trigger video_changed after insert or update on video for each row execute function notify_video();
create trigger segment_changed after insert or update on media_segment for each row execute function notify_video();

create table watched (
    video_id text primary key references video (id) on delete cascade,
    at       timestamptz not null default now()
);
create index watched_at on watched (at);
comment on table watched is
    'videos: When a video was last watched, to the hour. It decides which videos are frozen. '
    'Not a column of video, so that a view neither notifies anybody nor invalidates a cached response.';


-- ===== storage: nodes, objects, where each object is, and the jobs that keep it so =====

create table node (
    id            text primary key,
    kind          text not null,
    location      text not null unique,
    weight        double precision not null default 1 check (weight >= 0),
    zone          text not null default '',
    state         text not null default 'active' check (state in ('active', 'draining', 'removed')),
    created_at    timestamptz not null default now(),
    options       jsonb not null default '{}',
    suspect_since timestamptz,
    lost_at       timestamptz,
    check (kind in ('directory', 's3'))
);
comment on table node is 'storage: A place for objects: a directory, or a bucket or a prefix of one.';
comment on column node.location is 'Of a directory its path; of an S3 node its bucket and prefix.';
comment on column node.weight is 'Its share of the objects, relative to the other nodes; 0: it gets none.';
comment on column node.zone is 'Replicas of an object go to different zones while there are enough of them.';
comment on column node.state is 'draining: its objects are being moved away.';
comment on column node.options is 'Of an S3 node: endpoint, region, profile, public.';
comment on column node.suspect_since is 'It does not answer since then; new objects go to others.';
comment on column node.lost_at is
    'It did not answer for so long that since then its replicas are made anew on others.';

create table ring (
    one   boolean primary key default true check (one),
    epoch bigint not null default 0
);
insert into ring default values;
comment on table ring is 'storage: One row: the version of the set of nodes.';
comment on column ring.epoch is
    'Grows with every change of the nodes, so that whoever remembers it sees when its nodes are stale.';

create function ring_changed() returns trigger language plpgsql as $$
begin
    update ring set epoch = epoch + 1;
    return null;
end $$;
comment on function ring_changed() is
    'A new epoch, in the transaction that changed the nodes: readers never see one without the other.';
create trigger node_added_or_removed after insert or delete on node
    for each statement execute function ring_changed();
create trigger node_changed after update of location, weight, zone, state on node
    for each statement execute function ring_changed();
create trigger node_health_changed after update of options, suspect_since, lost_at on node
    for each statement execute function ring_changed();

create table object (
    key        text primary key,
    video_id   text,
    size       bigint not null,
    sha256     text not null,
    part_size  bigint,
    created_at timestamptz not null default now()
);
create index object_video on object (video_id);
comment on table object is
    'storage: Bytes under a key, stored on nodes as replicas, as shards (frozen), or as both while that changes.';
comment on column object.video_id is
    'Null: it belongs to no video. Not a foreign key: '
    'the bytes must be removed from all nodes before the row may go.';
comment on column object.size is 'In bytes.';
comment on column object.part_size is 'Set: sha256 is that of the SHA-256s of all parts of this size.';

create table replica (
    object_key text not null references object (key) on delete cascade,
    node_id    text not null references node (id),
    placed_at  timestamptz not null default now(),
    primary key (object_key, node_id)
);
create index replica_node on replica (node_id);
comment on table replica is 'storage: A whole copy of an object on a node.';
comment on column replica.placed_at is 'When it was durable.';

create table replica_check (
    object_key text not null,
    node_id    text not null,
    checked_at timestamptz not null default now(),
    primary key (object_key, node_id),
    foreign key (object_key, node_id) references replica (object_key, node_id) on delete cascade
);
create index replica_check_due on replica_check (checked_at, object_key, node_id);
comment on table replica_check is
    'storage: When a replica was last compared with its checksum. '
    'Not a column of replica: a change of a replica invalidates the cached responses about its video.';
comment on index replica_check_due is 'For scrub, which takes the oldest check first.';

create function replica_recorded() returns trigger language plpgsql as $$
begin
    insert into replica_check (object_key, node_id) values (new.object_key, new.node_id);
    return null;
end $$;
comment on function replica_recorded() is
    'A replica is recorded after its bytes were compared: that is its first check. '
    'A trigger, so that no code that records one can forget it.';
create trigger replica_recorded after insert on replica for each row execute function replica_recorded();

create table placement_version (
    video_id   text primary key,
    version    uuid not null,
    changed_by xid8
);
comment on table placement_version is
    'storage: The version of where a video''s replicas are; another one whenever one of them comes, goes or moves. '
    'Responses with object URLs are cached under it.';
comment on column placement_version.video_id is 'Not a foreign key: replicas are also removed after their video.';
comment on column placement_version.version is 'Random, so that none comes back, not even after a restore.';
comment on column placement_version.changed_by is
    'The transaction that wrote it: each writes it once, however many replicas it changes.';

create function placement_changed() returns trigger language plpgsql as $$
declare
    key text := case tg_op when 'DELETE' then old.object_key else new.object_key end;
begin
    if key like 'videos/%' then
        insert into placement_version as p (video_id, version, changed_by)
        values (split_part(key, '/', 2), gen_random_uuid(), pg_current_xact_id())
        on conflict (video_id) do update set version = excluded.version, changed_by = excluded.changed_by
            where p.changed_by is distinct from excluded.changed_by;
    end if;
    return null;
end $$;
comment on function placement_changed() is
    'A new placement_version for the video of the replica. Deferred to the commit: taken earlier, the lock on its row '
    'would be held while the transaction waits for others, and two that place the same init segment would deadlock. '
    'Shards have no such trigger: the URL of a frozen object does not say where they are.';
create constraint trigger replica_changed after insert or update or delete on replica
    deferrable initially deferred for each row execute function placement_changed();

create table shard (
    object_key text not null references object (key) on delete cascade,
    number     int not null check (number between 0 and 5),
    node_id    text not null references node (id),
    size       bigint not null,
    sha256     text not null,
    key        text not null,
    placed_at  timestamptz not null default now(),
    primary key (object_key, number),
    unique (object_key, node_id)
);
create index shard_node on shard (node_id);
comment on table shard is
    'storage: One of the six pieces of an erasure-coded object; any four give its bytes. '
    'An object with shards and without a replica is frozen.';
comment on column shard.key is 'Under which it is stored on its node.';
comment on column shard.placed_at is 'When it was durable.';

create table shard_check (
    object_key text not null,
    number     int not null,
    checked_at timestamptz not null default now(),
    primary key (object_key, number),
    foreign key (object_key, number) references shard (object_key, number) on delete cascade
);
create index shard_check_due on shard_check (checked_at, object_key, number);
comment on table shard_check is 'storage: When a shard was last compared with its checksum.';
comment on index shard_check_due is 'For scrub, which takes the oldest check first.';

create function shard_recorded() returns trigger language plpgsql as $$
begin
    insert into shard_check (object_key, number) values (new.object_key, new.number);
    return null;
end $$;
comment on function shard_recorded() is 'A shard is recorded after its bytes were compared: that is its first check.';
create trigger shard_recorded after insert on shard for each row execute function shard_recorded();

create table lost_object (
    object_key text primary key references object (key) on delete cascade,
    reason     text not null,
    found_at   timestamptz not null default now()
);
comment on table lost_object is
    'storage: Objects of which neither a good replica nor enough good shards are left. '
    'A row is deleted when the bytes are there again.';

create table scrub (
    one           boolean primary key default true check (one),
    asked_at      timestamptz,
    worked_at     timestamptz,
    checked       bigint not null default 0,
    checked_bytes bigint not null default 0,
    damaged       bigint not null default 0,
    repaired      bigint not null default 0
);
insert into scrub default values;
comment on table scrub is 'storage: One row: what scrub has done so far.';
comment on column scrub.asked_at is 'Everything that was checked before is to be checked again.';
comment on column scrub.worked_at is 'When it last did something.';
comment on column scrub.checked is 'Replicas and shards, since the beginning.';
comment on column scrub.damaged is 'Found missing, cut short or changed, since the beginning.';

create table rebalance (
    one          boolean primary key default true check (one),
    epoch        bigint not null default -1,
    position     text not null default '',
    objects      bigint not null default 0,
    seen         bigint not null default 0,
    copied       bigint not null default 0,
    copied_bytes bigint not null default 0,
    dropped      bigint not null default 0,
    waiting      bigint not null default 0,
    reason       text,
    started_at   timestamptz,
    finished_at  timestamptz
);
insert into rebalance default values;
comment on table rebalance is
    'storage: One row: how far the pass over all objects is that follows a change of the nodes.';
comment on column rebalance.epoch is 'Of the ring that this pass is for.';
comment on column rebalance.position is 'The key of the object up to which, in order, it has come.';
comment on column rebalance.objects is 'How many there were when it began.';
comment on column rebalance.seen is 'Objects of this pass, as in all the columns down to waiting.';
comment on column rebalance.dropped is 'Replicas that were removed where they do not belong.';
comment on column rebalance.waiting is 'Objects that are not yet where they should be.';
comment on column rebalance.reason is 'Why one of them waits.';

create table garbage (
    node_id    text not null references node (id),
    key        text not null,
    upload     text not null default '',
    size       bigint not null default 0,
    stored     double precision not null,
    found_at   timestamptz not null default now(),
    removed_at timestamptz,
    primary key (node_id, key, upload)
);
create index garbage_found on garbage (found_at);
comment on table garbage is
    'storage: What was found on a node and belongs to nobody. It may be bytes that are about to be recorded, '
    'so it is noted first, and removed later if it still belongs to nobody.';
comment on column garbage.upload is 'Of an upload in parts its id; empty: it is an object.';
comment on column garbage.stored is
    'Unix time, by the node''s clock. Bytes that are written again are another thing.';
comment on column garbage.removed_at is
    'The row is kept for 30 days after that: whoever records the object meanwhile first checks that its bytes exist.';

create table removal (
    node_id      text not null,
    key          text not null,
    multipart_id text not null default '',
    video_id     text not null,
    asked_at     timestamptz not null default now(),
    tried_at     timestamptz,
    trouble      text,
    primary key (node_id, key, multipart_id)
);
create index removal_video on removal (video_id);
comment on table removal is
    'storage: Bytes that are to be removed from a node, which may be away for months. '
    'Written by the transaction that deletes the object, so nothing is forgotten that is still there.';
comment on column removal.multipart_id is 'Set: an upload in parts is to be aborted too.';
comment on column removal.video_id is 'Empty: the object belonged to no video.';
comment on column removal.trouble is 'Why the last try failed.';


-- ===== uploads: source files on their way in =====

create table upload (
    id           text primary key,
    video_id     text not null,
    owner_id     text not null,
    object_key   text not null unique,
    node_id      text not null references node (id),
    multipart_id text,
    name         text not null,
    size         bigint not null,
    part_size    bigint,
    state        text not null default 'open' check (state in ('open', 'completed', 'aborted', 'expired')),
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,
    closed_at    timestamptz
);
create index upload_due on upload (expires_at) where state = 'open';
create index upload_closed on upload (closed_at) where state <> 'open';
create index upload_video on upload (video_id);
comment on table upload is
    'uploads: The upload of a source. Which parts are there, only the node knows that receives them.';
comment on column upload.video_id is 'Not a foreign key: an expired upload outlives its video for a while.';
comment on column upload.object_key is 'Where the source will be.';
comment on column upload.node_id is 'The node that receives the parts.';
comment on column upload.multipart_id is
    'The node''s id of the upload in parts; null: the file comes in one request.';
comment on column upload.name is 'The file name that the client gave.';
comment on column upload.closed_at is 'When it was completed, aborted or expired.';


-- ===== messages: what viewers say =====

create table message (
    id         text primary key,
    seq        bigint generated always as identity,
    video_id   text not null references video (id) on delete cascade,
    author_id  text not null references account (id) on delete cascade,
    body       text not null,
    created_at timestamptz not null
);
create unique index message_room on message (video_id, seq);
create index message_author on message (author_id);
comment on table message is
    'messages: A message in the room of a video. Its seq is assigned under the room''s lock, '
    'so a reader who has seen one message never sees an earlier one appear.';
comment on column message.seq is 'The order in a room.';


-- ===== search: the index when there is no OpenSearch, and what either index needs beside it =====

create table search_document (
    kind       text not null check (kind in ('video', 'message')),
    id         text not null,
    video_id   text not null,
    owner_id   text not null,
    visibility text not null check (visibility in ('public', 'private')),
    title      text not null,
    body       text not null,
    tags       text[] not null,
    vector     tsvector not null,
    primary key (kind, id)
);
create index search_document_vector on search_document using gin (vector);
create index search_document_video on search_document (video_id);
comment on table search_document is 'search: What can be found, by PostgreSQL''s full text search.';
comment on column search_document.owner_id is 'Of the video: the one who finds it while it is private.';
comment on column search_document.title is 'Of the video.';
comment on column search_document.body is 'Of a video its description, of a message its text.';
comment on column search_document.vector is
    'Weights: A title, B description, C tags, D messages; each stemmed as English and as it is.';

create sequence search_revision;
comment on sequence search_revision is
    'search: Orders the writes of one document to OpenSearch. '
    'Taken while the video is locked, so the later write has the higher number.';

create table search_generation (
    slot       int primary key,
    generation bigint not null default 0,
    changed_at timestamptz not null default '-infinity'
);
insert into search_generation (slot) select n from generate_series(0, 15) as n;
comment on table search_generation is
    'search: Sixteen counters. Results are cached under their sum, which changes exactly when a write commits. '
    'A connection always counts in the same one, so writers seldom wait for one another.';

create table search_build (
    one        boolean primary key default true check (one),
    index_name text not null,
    holder     text not null,
    renewed_at timestamptz not null default now()
);
comment on table search_build is
    'search: The rebuild of the index that is running, if there is one: writers then write to both indexes.';
comment on column search_build.index_name is 'Of the new index in OpenSearch.';
comment on column search_build.holder is 'The process that rebuilds.';
comment on column search_build.renewed_at is
    'A rebuild that does not renew it any more was killed, and another may take over.';


-- ===== coordination: locks with fencing tokens =====

create table fence (
    name  text primary key,
    token bigint not null
);
comment on table fence is
    'coordination: The fencing token of each lock. A transaction under a lock checks it, '
    'so a holder whose lock went to another cannot commit any more.';
comment on column fence.name is 'Of the lock.';
comment on column fence.token is 'The highest that was ever issued, by PostgreSQL or by etcd.';

create table lock_lease (
    name        text primary key,
    holder      text not null,
    lease_until timestamptz not null
);
comment on table lock_lease is 'coordination: Who holds which lock, when there is no etcd.';

create table node_lease (
    node_id     text primary key,
    lease_until timestamptz not null
);
comment on table node_lease is 'coordination: Which storage nodes answer, when there is no etcd.';


-- ===== db: the migrations =====

-- The table itself is made by shared/db/migrate.py, which needs it before it can apply this file.
comment on table migration is 'db: The migrations that were applied to this database.';
comment on column migration.sha256 is 'Of the file: one that was applied must not change.';
