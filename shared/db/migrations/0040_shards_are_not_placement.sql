-- The URL of a frozen object says nothing of where its shards are; that it was frozen or thawed, its replicas tell.

drop trigger shard_came on shard;
drop trigger shard_went on shard;
