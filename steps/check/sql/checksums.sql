-- params: none | pages of this database, and of what all databases share, that were read and did not hold; NULL without checksums | priv: any
SELECT sum(checksum_failures)::bigint AS checksum_failures, current_setting('data_checksums') AS data_checksums FROM pg_stat_database WHERE datid = 0 OR datname = current_database();
