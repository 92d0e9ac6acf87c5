-- Lists of videos are sorted by id, which is by age: each has an index in that order.

create index video_watchable on video (id desc) where visibility = 'public' and state in ('playable', 'ready');
create index video_of_owner on video (owner_id, id desc);
drop index video_list, video_owner;

-- What reap_stalled looks for each minute: there is seldom anything, and then there is nothing to read.
create index video_not_indexed on video (ready_at) where state = 'ready' and indexed_at is null;
create index video_without_thumbnails on video (planned_at) where plan is not null and not thumbnails_done;
create index segment_not_placed on media_segment (encoded_at) where placed_at is null and object_key is not null;
create index video_source on video (source_key);
