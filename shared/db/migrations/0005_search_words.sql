-- Which words a document was indexed by. Those of an older version are indexed again while they are searched.

alter table search_document add column version int not null default 1;
create index search_document_version on search_document (version);
comment on column search_document.version is
    'Of the words (shared/search/document.py): renew_index rebuilds the index when some are older.';
comment on column search_document.vector is
    'Weights: A title, B description, C tags, D messages. Words as stems and as they are.';
