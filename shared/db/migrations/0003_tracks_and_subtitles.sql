-- The segments of every audio rendition are planned with the others, so nothing has to say when the audio is done.

insert into media_segment (id, video_id, rendition, index)
select gen_random_uuid()::text, v.id, track ->> 'rendition', index
from video v
cross join jsonb_array_elements(v.plan #> '{source,audio}') track
cross join generate_series(0, jsonb_array_length(v.plan -> 'cuts') - 2) index
where v.plan is not null
on conflict (video_id, rendition, index) do nothing;

alter table video drop column audio_done;
comment on column media_segment.rendition is '"1080p" and so on, or "audio", "audio-2" and so on.';

create table subtitle (
    video_id   text not null references video (id) on delete cascade,
    rendition  text not null,
    object_key text not null,
    size       bigint not null,
    primary key (video_id, rendition)
);
comment on table subtitle is 'videos: A text subtitle track of a source, as a WebVTT file. What it is named is in the plan.';
comment on column subtitle.rendition is '"subtitles-1" and so on, in the order of the plan.';
comment on column subtitle.size is 'In bytes.';

-- The plans from before name no subtitles.
alter table video add column subtitles_done boolean not null default false;
update video set subtitles_done = true where plan is not null;
comment on column video.subtitles_done is
    'They are extracted, or there are none: the source is not needed for them any more.';

create index video_without_subtitles on video (planned_at) where plan is not null and not subtitles_done;
comment on index video_without_subtitles is 'For reap_stalled.';
