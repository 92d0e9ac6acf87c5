"""Full text search in OpenSearch (OPENSEARCH_URL), with the words and the order of PostgreSQL's."""
