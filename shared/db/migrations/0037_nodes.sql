-- Nodes of other kinds, which of them answer, and how far the rebalancing is.

alter table node drop constraint node_kind_check;
alter table node
    add constraint node_kind_check check (kind in ('directory', 's3')),
    add column options       jsonb not null default '{}',   -- of an S3 node: endpoint, region, profile, public
    add column suspect_since timestamptz,                   -- it does not answer; new objects go elsewhere
    add column lost_at       timestamptz;                   -- for so long that its replicas are made anew elsewhere

create trigger node_health_changed after update of options, suspect_since, lost_at on node
    for each statement execute function ring_changed();

create table rebalance (
    one         boolean primary key default true check (one),
    epoch       bigint not null default -1,          -- of the ring that the pass is for
    position    text not null default '',            -- the object up to which, in order, it has come
    objects     bigint not null default 0,           -- how many there were when it began
    seen        bigint not null default 0,
    copied      bigint not null default 0,
    copied_bytes bigint not null default 0,
    dropped     bigint not null default 0,
    waiting     bigint not null default 0,           -- objects that are not yet where they should be
    reason      text,                                -- why one of them waits
    started_at  timestamptz,
    finished_at timestamptz
);
insert into rebalance default values;
