-- pass: 1 within connect_timeout; evidence: connect ms + round-trip ms | priv: any
SELECT 1 AS one;
