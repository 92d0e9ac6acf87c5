-- What cached answers are kept under, and where an account's owner logs in from.

-- Another one whenever a replica of the video's objects comes, goes or moves. Random, so that none ever comes back: not
-- after a restore either.
create table placement_version (
    video_id text primary key,
    version  uuid not null
);

create function placement_changed() returns trigger language plpgsql as $$
begin
    insert into placement_version (video_id, version)
    select video_id, gen_random_uuid()
    from (select distinct split_part(object_key, '/', 2) as video_id from changed where object_key like 'videos/%') v
    order by video_id
    on conflict (video_id) do update set version = excluded.version;
    return null;
end $$;
create trigger replica_came after insert on replica referencing new table as changed
    for each statement execute function placement_changed();
create trigger replica_moved after update on replica referencing new table as changed
    for each statement execute function placement_changed();
create trigger replica_went after delete on replica referencing old table as changed
    for each statement execute function placement_changed();

-- Networks that an account was logged in to from: guesses made elsewhere do not lock them out.
create table login_network (
    account_id text not null references account (id) on delete cascade,
    network    text not null,
    seen_at    timestamptz not null default now(),
    primary key (account_id, network)
);
create index login_network_seen on login_network (seen_at);
