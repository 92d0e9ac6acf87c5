-- What of a source could not be decoded, and why a source is kept that would have been deleted.

alter table media_segment add column missing double precision not null default 0;
alter table media_segment add column filler boolean not null default false;
comment on column media_segment.frames is 'Pictures, or AAC frames.';
comment on column media_segment.missing is 'Seconds of it that could not be decoded.';
comment on column media_segment.filler is
    'Nothing in the source could be decoded here: a still picture stands instead.';

alter table video add column damage jsonb;
alter table video add column source_kept text[];
comment on column video.damage is
    'What could not be decoded: the Damage of shared/videos; null: nothing, or it is not ready yet.';
comment on column video.source_kept is
    'Sentences: why its source was not deleted although SOURCE_POLICY=delete; null: it was, or was not yet decided.';
