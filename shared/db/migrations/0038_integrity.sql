-- Integrity: when each replica was last compared with its checksum, what is lost, and what belongs to nobody.

-- Beside replica and not in it: a change of a replica makes what is cached of its video void.
create table replica_check (
    object_key text not null,
    node_id    text not null,
    checked_at timestamptz not null default now(),   -- a replica is recorded once its bytes were compared
    primary key (object_key, node_id),
    foreign key (object_key, node_id) references replica (object_key, node_id) on delete cascade
);
create index replica_check_due on replica_check (checked_at, object_key, node_id);
insert into replica_check select object_key, node_id, placed_at from replica;

create function replica_recorded() returns trigger language plpgsql as $$
begin
    insert into replica_check (object_key, node_id) values (new.object_key, new.node_id);
    return null;
end $$;
create trigger replica_recorded after insert on replica for each row execute function replica_recorded();

-- Objects of which no good replica is left. A row goes when the bytes are there again.
create table lost_object (
    object_key text primary key references object (key) on delete cascade,
    reason     text not null,
    found_at   timestamptz not null default now()
);

create table scrub (
    one           boolean primary key default true check (one),
    asked_at      timestamptz,                       -- everything that was checked before is to be checked again
    worked_at     timestamptz,
    checked       bigint not null default 0,         -- replicas, since ever
    checked_bytes bigint not null default 0,
    damaged       bigint not null default 0,         -- found missing, cut short or changed
    repaired      bigint not null default 0
);
insert into scrub default values;

-- What was found on a node and belongs to nobody: written down first, removed later if it still belongs to nobody.
create table garbage (
    node_id    text not null references node (id),
    key        text not null,
    upload     text not null default '',             -- of an upload in parts: its id
    size       bigint not null default 0,
    stored     double precision not null,            -- by the node's clock; bytes that are written again start anew
    found_at   timestamptz not null default now(),
    removed_at timestamptz,                          -- kept for a while: who records the object then looks twice
    primary key (node_id, key, upload)
);
create index garbage_found on garbage (found_at);
