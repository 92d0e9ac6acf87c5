-- Storage: the nodes, the objects, and which node holds which object.

create table node (
    id         text primary key,
    kind       text not null check (kind in ('directory')),
    location   text not null unique,                 -- of a directory: its path
    weight     double precision not null default 1 check (weight >= 0),
    zone       text not null default '',
    state      text not null default 'active' check (state in ('active', 'draining', 'removed')),
    created_at timestamptz not null default now()
);

create table object (
    key        text primary key,
    video_id   text,                                 -- of which video; null: of none
    size       bigint not null,
    sha256     text not null,
    part_size  bigint,                               -- set: sha256 is that of the SHA-256s of parts of this size
    created_at timestamptz not null default now()
);
create index object_video on object (video_id);

create table replica (
    object_key text not null references object (key) on delete cascade,
    node_id    text not null references node (id),
    placed_at  timestamptz not null default now(),   -- it is durable
    primary key (object_key, node_id)
);
create index replica_node on replica (node_id);
