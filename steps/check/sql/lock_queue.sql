-- params: $1 int[] pids that are looked at first | evidence: who waits for whom, of at most 200 who wait | priv: any
-- blocker 0 = a PREPARED TRANSACTION. Who stands in front of a waiter in the queue blocks it too. Touches no user relation, so it works during a lock queue.
SELECT DISTINCT w.pid AS waiter, b.pid AS blocker
FROM (SELECT l.pid FROM pg_locks l WHERE NOT l.granted GROUP BY l.pid ORDER BY l.pid = ANY ($1::int[]) DESC, l.pid LIMIT 200) w
CROSS JOIN LATERAL unnest(pg_blocking_pids(w.pid)) AS b(pid);
