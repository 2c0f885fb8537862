"""Targets that are search engines: Solr, Elasticsearch, OpenSearch, Vespa."""
