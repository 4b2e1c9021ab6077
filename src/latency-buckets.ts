// The buckets in which clients count how long calls took, so that the counts of many processes can be added up.

/** Upper bounds of the latency buckets, ms. */
export const LATENCY_BUCKETS_MS: readonly number[] = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000];
