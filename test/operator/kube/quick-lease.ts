/** Times of a lease for tests: the order of events is the same as with those of an operator. */

/** Short enough to wait until it expires, long enough for a leader on a loaded machine to renew it. */
export const QUICK_LEASE = { leaseDurationMs: 4000, renewDeadlineMs: 3000, retryPeriodMs: 200 };

/** So long that it never expires by itself, also on a machine that stalls for seconds. */
export const LASTING_LEASE = { leaseDurationMs: 3_600_000, renewDeadlineMs: 60_000, retryPeriodMs: 100 };
