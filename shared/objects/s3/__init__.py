"""A node that is a bucket, or a prefix in one. boto3 is imported when it is first used."""
