-- Coordination: the ring's epoch, who holds which lock, and the highest token that each lock ever gave out.

create table ring (
    one   boolean primary key default true check (one),
    epoch bigint not null default 0                  -- changes with every change of the nodes
);
insert into ring default values;

create function ring_changed() returns trigger language plpgsql as $$
begin
    update ring set epoch = epoch + 1;
    return null;
end $$;
create trigger node_added_or_removed after insert or delete on node
    for each statement execute function ring_changed();
create trigger node_changed after update of location, weight, zone, state on node
    for each statement execute function ring_changed();

create table fence (
    name  text primary key,
    token bigint not null                            -- the highest that was ever given out, by whatever grants the lock
);

create table lock_lease (                            -- the locks, when PostgreSQL grants them
    name        text primary key,
    holder      text not null,
    lease_until timestamptz not null
);

create table node_lease (                            -- the nodes that answer, when PostgreSQL keeps the registry
    node_id     text primary key,
    lease_until timestamptz not null
);
